// Finds the number whose hash with the salt is the challenge (signup/fence.py).
const encoder = new TextEncoder();

async function hash(text) {
  const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", encoder.encode(text)));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

onmessage = async ({ data }) => {
  const { maxnumber, ...work } = data;
  for (let number = 0; number <= maxnumber; number += 1) {
    if ((await hash(`${work.salt}${number}`)) === work.challenge) {
      postMessage(btoa(JSON.stringify({ ...work, number })));
      return;
    }
  }
  postMessage("");
};
