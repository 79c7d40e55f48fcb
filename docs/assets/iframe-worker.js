// Browsers refuse to start a worker from a page that was opened from disk (file://). There, search runs in a
// hidden frame instead: the same script, and the same messages to and fro.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super();
      this.onmessage = null;
      this.frame = document.createElement("iframe");
      this.frame.hidden = true;
      this.frame.title = "Search";
      document.body.append(this.frame);
      const inside = this.frame.contentDocument;
      inside.open();
      inside.write("<!doctype html><script>postMessage = (data) => parent.dispatchEvent(new MessageEvent(" +
        "'message', { data, source: window }));" +
        "importScripts = (...urls) => urls.reduce((before, url) => before.then(() => new Promise((done, failed) => {" +
        "const script = document.createElement('script'); script.src = url; script.onload = done;" +
        "script.onerror = failed; document.body.append(script); })), Promise.resolve());<" +
        "/script><script src='" + url + "'><" + "/script>");
      inside.close();
      window.addEventListener("message", (event) => {
        if (event.source !== this.frame.contentWindow) return;
        const told = new MessageEvent("message", { data: event.data });
        this.dispatchEvent(told);
        if (this.onmessage) this.onmessage(told);
      });
      this.loaded = new Promise((done) => this.frame.addEventListener("load", done, { once: true }));
    }
    postMessage(data) {
      this.loaded.then(() => this.frame.contentWindow.dispatchEvent(new MessageEvent("message", { data })));
    }
    terminate() {
      this.frame.remove();
    }
  };
}
