// Sends the code without leaving the page, and counts down to the next. The page works without it.
const form = document.getElementById("signup");
const send = document.getElementById("send");
const again = document.getElementById("again");
const sent = document.getElementById("sent");
const alertBox = document.getElementById("alert");
const words = document.querySelector("script[data-failed]").dataset;
const field = (name) => document.getElementById(`id_${name}`);

// Either the picture is there, to ask for a code, or the word that one is on its way.
function showAsked(isAsked) {
  document.getElementById("ask").hidden = isAsked;
  document.getElementById("asked").hidden = !isAsked;
}

async function anotherPicture() {
  const answer = await fetch("/signup/picture/");
  const picture = await answer.json();
  document.getElementById("picture").src = picture.image;
  document.getElementById("sound").src = picture.audio;
  field("image_code_id").value = picture.image_code_id;
  field("image_code").value = "";
}

function tell(box, text) {
  box.textContent = text;
  box.hidden = !text;
}

function showErrors(name, sentences) {
  const input = field(name);
  document.getElementById(`${input.id}_error`)?.remove();
  input.removeAttribute("aria-invalid");
  input.removeAttribute("aria-describedby");
  if (!sentences) return;
  const list = document.createElement("ul");
  list.className = "errorlist";
  list.id = `${input.id}_error`;
  for (const sentence of sentences) {
    list.appendChild(document.createElement("li")).textContent = sentence;
  }
  input.after(list);
  input.setAttribute("aria-invalid", "true");
  input.setAttribute("aria-describedby", list.id);
}

// As web/problems.py says it: seconds, then minutes, then hours.
function until(seconds) {
  if (seconds < 100) return words.seconds.replace("#", seconds);
  const minutes = Math.ceil(seconds / 60);
  if (minutes < 100) return words.minutes.replace("#", minutes);
  return words.hours.replace("#", Math.ceil(minutes / 60));
}

let clock;
function countDown(seconds) {
  clearTimeout(clock);
  const end = Date.now() + seconds * 1000;
  const tick = () => {
    const left = Math.ceil((end - Date.now()) / 1000);
    for (const button of [send, again]) {
      button.disabled = left > 0;
      button.textContent = left > 0 ? until(left) : button.dataset.label;
    }
    if (left > 0) clock = setTimeout(tick, 250);
  };
  tick();
}

function show(answer, body) {
  const errors = body.errors ?? {};
  for (const name of ["mobile", "image_code"]) showErrors(name, errors[name]);
  tell(alertBox, body.code ? body.errmsg : "");
  if (!body.code) {
    sent.textContent = sent.dataset.text.replace("#", field("mobile").value);
    countDown(Number(form.dataset.pause));
  }
  showAsked(!body.code);
  if (answer.status === 429) countDown(Number(answer.headers.get("Retry-After")));
  const first = ["mobile", "image_code"].find((name) => errors[name]);
  if (first || !body.code) field(first ?? "sms_code").focus();
}

// Where the browser can work, nobody has to read a picture. It cannot without https.
const { fence, work, worker } = form.dataset;
const works = fence !== "picture" && Boolean(window.Worker && window.crypto?.subtle);
document.getElementById("fence").hidden = works;

async function proof() {
  const answer = await fetch(work);
  if (!answer.ok) throw new Error(answer.statusText);
  const hands = new Worker(worker);
  try {
    const asked = await answer.json();
    return await new Promise((done, failed) => {
      hands.onmessage = ({ data }) => done(data);
      hands.onerror = failed;
      hands.postMessage(asked);
    });
  } finally {
    hands.terminate();
  }
}

async function ask(facts) {
  const answer = await fetch(send.formAction, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(facts),
  });
  return [answer, await answer.json()];
}

async function sendCode() {
  const names = works ? ["mobile"] : ["mobile", "image_code_id", "image_code"];
  const facts = Object.fromEntries(names.map((name) => [name, field(name).value]));
  send.setAttribute("aria-busy", "true");
  try {
    if (fence === "work" && works) facts.altcha = await proof();
    let [answer, body] = await ask(facts);
    if (works && !facts.altcha && body.errors?.altcha) {
      [answer, body] = await ask({ ...facts, altcha: await proof() });
    }
    show(answer, body);
    await anotherPicture();
  } catch {
    tell(alertBox, words.failed);
  } finally {
    send.removeAttribute("aria-busy");
  }
}

send.addEventListener("click", (event) => {
  event.preventDefault();
  if (!send.hasAttribute("aria-busy")) sendCode();
});
document.getElementById("another").addEventListener("click", (event) => {
  event.preventDefault();
  anotherPicture().catch(() => tell(alertBox, words.failed));
});
again.addEventListener("click", (event) => {
  event.preventDefault();
  showAsked(false);
  field(works ? "mobile" : "image_code").focus();
});
// The code went to another number: this one may ask, and has its own minute.
field("mobile").addEventListener("input", () => {
  if (document.getElementById("asked").hidden) return;
  showAsked(false);
  countDown(0);
});
// In the upper part, the Enter key asks for the code.
for (const name of ["mobile", "image_code"]) {
  field(name).addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || document.getElementById("ask").hidden) return;
    event.preventDefault();
    send.click();
  });
}
countDown(Number(form.dataset.wait));
