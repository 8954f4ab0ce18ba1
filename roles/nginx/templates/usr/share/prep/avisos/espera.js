// Counts down to the opening that the server announces and reloads the page when the results are published. Visitors'
// reloads are spread over a few seconds. Without this script the page reloads by itself every half minute.
"use strict";

const STATUS = "/.well-known/prep/estado.json";
const SPREAD_MS = 4000;
const AT_LEAST_MS = 5000; // a page that has just loaded waits this long before it reloads
const ASK_EVERY_MS = 20000;

const WORDS = {
  waiting: [
    "Los resultados aún no están disponibles",
    "Se publican aquí desde la hora oficial de apertura. Esta página se actualiza sola: no hace falta recargarla.",
  ],
  retired: ["La difusión de resultados terminó", "Consulte los resultados en el sitio del Instituto."],
  other: ["Los resultados vuelven en un momento", "Esta página se actualiza sola: no hace falta recargarla."],
};

const element = (id) => document.getElementById(id);
let opens = null; // instant of the opening, by this device's clock
let leaving = false;

function leave() {
  if (leaving) return;
  leaving = true;
  const wait = Math.max(0, AT_LEAST_MS - performance.now()) + Math.random() * SPREAD_MS;
  setTimeout(() => location.reload(), wait);
}

function tell(state) {
  const [heading, text] = WORDS[state] || WORDS.other;
  element("heading").textContent = heading;
  element("text").textContent = text;
}

function two(number) {
  return String(number).padStart(2, "0");
}

function tick() {
  const left = opens === null ? -1 : Math.ceil((opens - Date.now()) / 1000);
  const countdown = element("countdown");
  countdown.hidden = left <= 0;
  if (left > 0) {
    const days = Math.floor(left / 86400);
    const clock = [Math.floor((left % 86400) / 3600), Math.floor((left % 3600) / 60), left % 60].map(two).join(":");
    countdown.textContent = days > 0 ? `${days} d ${clock}` : clock;
  } else if (opens !== null) {
    opens = null;
    leave();
  }
}

async function ask() {
  try {
    const answer = await fetch(STATUS, { cache: "no-store" });
    const { gate } = await answer.json();
    if (gate.state === "open" || gate.state === "closed") return leave();
    tell(gate.state);
    if (gate.state !== "waiting") return;
    // The device's clock may be wrong; the server's answer says by how much, to the second.
    const ahead = Date.now() - Date.parse(answer.headers.get("Date") || new Date());
    const instant = Date.parse(gate.opens) + (Math.abs(ahead) > 2000 ? ahead : 0);
    opens = instant > Date.now() ? instant : null;
    element("opens").textContent = "Apertura: " + new Intl.DateTimeFormat("es-MX", {
      dateStyle: "full",
      timeStyle: "short",
      hourCycle: "h23",
      timeZone: document.documentElement.dataset.timezone,
    }).format(new Date(gate.opens)) + " horas";
    tick();
  } catch {
    // The page keeps what it shows; the next request may succeed.
  }
}

ask();
setInterval(tick, 1000);
setInterval(ask, ASK_EVERY_MS);
setTimeout(leave, 10 * 60 * 1000); // reload after ten minutes in any case
