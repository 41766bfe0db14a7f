// A form is sent once: until the answer is there its buttons do nothing. The pages work without it:
// what comes twice is done once (notices/pages/idempotency.py).
const PATIENCE = 10_000; // ms until they work again, if no answer came

function lock(form, locked) {
  form.toggleAttribute("data-sent", locked);
  for (const button of form.querySelectorAll("button[type=submit]")) button.disabled = locked;
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post" || event.defaultPrevented) return;
  // Afterwards: what a disabled button says would not be sent.
  setTimeout(() => lock(form, true));
  setTimeout(() => lock(form, false), PATIENCE);
});

// A page that is about to be left is not brought up to date: that could ask for it anew, and the
// browser would stay on it.
document.addEventListener("htmx:beforeOnLoad", (event) => {
  if (document.querySelector("form[data-sent]")) event.preventDefault();
});

// Back may show the page as it was left.
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) lock(form, false);
});
