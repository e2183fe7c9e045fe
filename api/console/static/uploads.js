// Upload of a file into the gateway's own bucket: by a presigned URL, with progress, before the form is sent.
"use strict";
(() => {
  const form = document.querySelector("form[data-uploads]");
  const field = document.getElementById("upload");
  if (!form || !field) return;
  const id = form.elements["input.file"];
  const state = document.getElementById("upload-state");
  const bar = document.getElementById("upload-progress");
  const buttons = [document.getElementById("start"), document.getElementById("look")];
  let running = null;

  field.disabled = false;
  if (!id.value) state.textContent = "It goes straight into the gateway's bucket.";

  function show(sentence, isRunning) {
    state.textContent = sentence;
    bar.hidden = !isRunning;
    for (const button of buttons) button.disabled = isRunning;
  }

  async function accept(file) {
    const body = new URLSearchParams({ name: file.name, size: file.size, form_token: form.elements.form_token.value });
    const answer = await fetch(form.dataset.uploads, { method: "POST", body, headers: { "HX-Request": "true" } });
    const text = await answer.text();
    if (!answer.ok) throw new Error(new DOMParser().parseFromString(text, "text/html").body.textContent.trim());
    return JSON.parse(text);
  }

  function send(upload, file) {
    return new Promise((resolve, reject) => {
      running = new XMLHttpRequest();
      running.open(upload.method, upload.url);
      for (const [name, value] of Object.entries(upload.headers)) {
        if (!["content-length", "host"].includes(name.toLowerCase())) running.setRequestHeader(name, value);
      }
      running.upload.onprogress = (event) => {
        bar.value = event.loaded / event.total;
        state.textContent = `${Math.floor((100 * event.loaded) / event.total)} % of ${file.name}`;
      };
      running.onload = () => (running.status < 300 ? resolve() : reject(new Error(`the store answered ${running.status}`)));
      running.onerror = () => reject(new Error("the store cannot be reached from this browser"));
      running.onabort = () => reject(new Error("the upload was stopped"));
      running.send(file);
    });
  }

  field.addEventListener("change", async () => {
    running?.abort();
    const file = field.files[0];
    id.value = "";
    if (!file) return;
    show(`Uploading ${file.name}`, true);
    try {
      const accepted = await accept(file);
      if (accepted.upload.part_bytes) throw new Error("files above 5 GiB need the command line: hpc-gateway run");
      await send(accepted.upload, file);
      id.value = accepted.id;
      show(`${file.name} is uploaded.`, false);
    } catch (error) {
      show(`Not uploaded: ${error.message}.`, false);
    }
  });
})();
