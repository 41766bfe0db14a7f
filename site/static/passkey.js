// Asks for a passkey and sends what it says with the form (signup/passkeys.py). Where a browser
// cannot, the form stays hidden, and the app's code is the way.
const able = window.PublicKeyCredential?.parseRequestOptionsFromJSON;

async function answer(form) {
  const options = JSON.parse(form.dataset.options);
  const publicKey = form.dataset.passkey === "create"
    ? PublicKeyCredential.parseCreationOptionsFromJSON(options)
    : PublicKeyCredential.parseRequestOptionsFromJSON(options);
  return navigator.credentials[form.dataset.passkey]({ publicKey });
}

for (const form of able ? document.querySelectorAll("form[data-passkey]") : []) {
  const [button, failed] = [form.querySelector("button"), form.querySelector("[role=alert]")];
  form.hidden = false;
  const go = async (event) => {
    event.preventDefault();
    button.disabled = true;
    failed.hidden = true;
    try {
      form.elements.passkey.value = JSON.stringify((await answer(form)).toJSON());
      form.submit();
    } catch {
      failed.hidden = false;
      button.disabled = false;
    }
  };
  form.addEventListener("submit", go); // Enter in the name, too
}
