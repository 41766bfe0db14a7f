// Another picture without a reload, work in place of one, the time until the next code, the code out
// of the SMS, and a password to look at. The pages work without it.
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

function failed() {
  alertBox.textContent = words.failed;
  alertBox.hidden = false;
}

document.getElementById("another")?.addEventListener("click", (event) => {
  event.preventDefault();
  anotherPicture().catch(failed);
});

// Where the browser can work, nobody has to read a picture. It cannot without https.
async function proof({ work, worker }) {
  const answer = await fetch(work);
  if (!answer.ok) throw new Error(answer.statusText);
  const hands = new Worker(worker);
  try {
    const asked = await answer.json();
    return await new Promise((done, lost) => {
      hands.onmessage = ({ data }) => (data ? done(data) : lost());
      hands.onerror = lost;
      hands.postMessage(asked);
    });
  } finally {
    hands.terminate();
  }
}

const fence = document.getElementById("fence");
if (fence?.dataset.work && window.Worker && window.crypto?.subtle) {
  const form = fence.closest("form");
  fence.hidden = true;
  form.addEventListener("submit", (event) => {
    if (!fence.hidden || !fence.dataset.needed) return;
    event.preventDefault();
    if (form.hasAttribute("aria-busy")) return;
    form.setAttribute("aria-busy", "true");
    proof(fence.dataset)
      .then((found) => {
        field("altcha").value = found;
        form.submit();
      })
      .catch(() => {
        form.removeAttribute("aria-busy");
        fence.hidden = false; // then by the picture
        failed();
      });
  });
  if (fence.dataset.again) {
    alertBox.hidden = true; // it asks for what is done now
    form.requestSubmit();
  }
}

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
