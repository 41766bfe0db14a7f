// Another picture without a reload, the time until the next code, the code out of the SMS, and a
// password to look at. The pages work without it.
const words = document.querySelector("script[data-failed]").dataset;
const alertBox = document.getElementById("alert");
const field = (name) => document.getElementById(`id_${name}`);

async function anotherPicture() {
  const answer = await fetch("/signup/picture/");
  const picture = await answer.json();
  document.getElementById("picture").src = picture.image;
  document.getElementById("sound").src = picture.audio;
  field("image_code_id").value = picture.image_code_id;
  field("image_code").value = "";
  field("image_code").focus();
}

document.getElementById("another")?.addEventListener("click", (event) => {
  event.preventDefault();
  anotherPicture().catch(() => {
    alertBox.textContent = words.failed;
    alertBox.hidden = false;
  });
});

// As web/problems.py says it: seconds, then minutes, then hours.
function until(seconds) {
  if (seconds < 100) return words.seconds.replace("#", seconds);
  const minutes = Math.ceil(seconds / 60);
  if (minutes < 100) return words.minutes.replace("#", minutes);
  return words.hours.replace("#", Math.ceil(minutes / 60));
}

let clock;
function countDown(button, seconds) {
  clearTimeout(clock);
  const end = Date.now() + seconds * 1000;
  const tick = () => {
    const left = Math.ceil((end - Date.now()) / 1000);
    button.disabled = left > 0;
    button.textContent = left > 0 ? until(left) : button.dataset.label;
    if (left > 0) clock = setTimeout(tick, 250);
  };
  tick();
}

const send = document.getElementById("send");
if (send) {
  countDown(send, Number(send.form.dataset.wait));
  // Another number has a minute of its own.
  field("mobile").addEventListener("input", () => countDown(send, 0), { once: true });
}

// Browsers that can read the SMS ask the person first. Its last line names this site.
const code = field("sms_code");
if (code && "OTPCredential" in window) {
  const stop = new AbortController();
  code.form.addEventListener("submit", () => stop.abort());
  navigator.credentials
    .get({ otp: { transport: ["sms"] }, signal: stop.signal })
    .then((found) => {
      code.value = found.code;
      if (!code.form.querySelector("[type=password]")) code.form.requestSubmit();
    })
    .catch(() => {});
}
// Pasted as "123 456", it is six digits all the same.
code?.addEventListener("input", () => {
  const digits = code.value.replace(/\s/g, "");
  if (digits !== code.value) code.value = digits;
});

for (const password of document.querySelectorAll("[autocomplete=new-password]")) {
  const label = document.createElement("label");
  const box = document.createElement("input");
  box.type = "checkbox";
  box.addEventListener("change", () => {
    password.type = box.checked ? "text" : "password";
  });
  label.append(box, ` ${words.show}`);
  password.closest(".field").append(label);
}
