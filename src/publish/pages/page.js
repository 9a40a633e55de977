// What a page does beyond its HTML: the transcript and the waveform follow the sound, a click leads to its second, the live
// view renews itself. Everything it does can also be done without it.
"use strict";
(() => {
  const audio = document.querySelector("audio[data-zero]");
  if (audio) {
    const zero = Number(audio.dataset.zero);
    const wave = document.querySelector("svg.wave");
    const head = wave && wave.querySelector(".playhead");
    const lines = [...document.querySelectorAll(".transcript li[data-from]")];
    const seconds = Number(audio.dataset.seconds);
    const follow = () => {
      const at = audio.currentTime;
      if (head && seconds > 0) {
        const x = String(Math.min(1, at / seconds) * 1000);
        head.setAttribute("x1", x);
        head.setAttribute("x2", x);
        head.style.visibility = "visible";
      }
      const call = at - zero;
      for (const line of lines) {
        const now = call >= Number(line.dataset.from) && call < Number(line.dataset.to);
        if (now === line.classList.contains("now")) continue;
        line.classList.toggle("now", now);
        if (now) line.setAttribute("aria-current", "true"); else line.removeAttribute("aria-current");
      }
    };
    let frame = 0;
    const run = () => { follow(); frame = audio.paused ? 0 : requestAnimationFrame(run); };
    audio.addEventListener("play", () => { if (!frame) frame = requestAnimationFrame(run); });
    for (const event of ["timeupdate", "seeked", "pause"]) audio.addEventListener(event, follow);
    const seek = (second, play) => {
      audio.currentTime = Math.max(0, second);
      follow();
      if (play) audio.play().catch(() => {});
    };
    document.addEventListener("click", (event) => {
      const link = event.target.closest("a[data-at]");
      if (!link || event.metaKey || event.ctrlKey || event.shiftKey) return;
      event.preventDefault();
      seek(Number(link.dataset.at) + zero, true);
    });
    if (wave) wave.addEventListener("click", (event) => {
      const box = wave.getBoundingClientRect();
      seek((event.clientX - box.left) / box.width * seconds, false);
    });
  }

  const live = document.getElementById("live");
  if (live && window.EventSource) {
    const events = new EventSource(live.dataset.events);
    events.addEventListener("calls", (event) => { live.innerHTML = event.data; });
    window.addEventListener("pagehide", () => events.close());
  }
  for (const form of document.querySelectorAll("form[data-sure]")) {
    form.addEventListener("submit", (event) => { if (!window.confirm(form.dataset.sure)) event.preventDefault(); });
  }
})();
