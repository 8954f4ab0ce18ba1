// Counts down to the opening that the server announces and reloads the page when the results are published. Visitors'
// reloads are spread over a few seconds. Without this script the page reloads by itself every half minute.
"use strict";

const STATUS = "/.well-known/prep/estado.json";
const REVOKED = 410; // the institute took this server off its list, as the page then says
const BUSY = 429;
const SPREAD_MS = 5000; // visitors' reloads are spread over this time, and a page that has just loaded waits as long
const ASK_EVERY_MS = 60000; // each costs a new connection: the server has closed the last one
const AGAIN_MS = 10000; // to the next try, on average, where the results should be there and are not
const PATIENCE_MS = 30000; // after it a request without an answer is given up

const ITSELF = "Esta página se actualiza sola: no hace falta recargarla.";
const WORDS = {
  waiting: [
    "Los resultados aún no están disponibles",
    `Se publican aquí desde la hora oficial de apertura, en cuanto llega el primer corte. ${ITSELF}`,
  ],
  first: ["Los resultados aún no se publican", `El primer corte llega en unos minutos. ${ITSELF}`],
  withdrawn: ["Espere el siguiente corte", `El Instituto retiró el corte que se mostraba. ${ITSELF}`],
  retired: ["La difusión de resultados terminó", "Consulte los resultados en el sitio del Instituto."],
  other: ["Los resultados no están disponibles en este momento", ITSELF], // as at any hour
};

const element = (id) => document.getElementById(id);
let opens = null; // instant of the opening, by this device's clock
let leaving = false;

const rest = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));
// Until somebody comes back to the page, or leaves it.
const turn = () => new Promise((done) => document.addEventListener("visibilitychange", done, { once: true }));

// Without AbortController, which phones of before 2019 lack: a request that is given up may still be answered.
function request(path, method) {
  const late = rest(PATIENCE_MS).then(() => Promise.reject(new Error("no answer in time")));
  return Promise.race([fetch(path, { method, cache: "no-store" }), late]);
}

// Reloads once the server has another page to show, if only that there is none at this address. A reload without an
// answer would leave the browser's own error page, which asks for nothing again; so it is tried first, as often as need
// be while somebody looks, and this page stays meanwhile.
async function leave() {
  if (leaving) return;
  leaving = true;
  await rest(Math.max(SPREAD_MS - performance.now(), Math.random() * SPREAD_MS));
  for (let pause = AGAIN_MS; opens === null; pause = Math.min(2 * pause, ASK_EVERY_MS)) {
    const { status } = await request(location.href, "HEAD").catch(() => ({ status: 0 }));
    if (status && status < 500 && status !== BUSY) {
      location.reload();
      await rest(ASK_EVERY_MS); // this page stays where the load is stopped
      continue;
    }
    ask(); // it says why there is nothing yet, and it may have another hour of the opening
    do await Promise.race([rest(pause * (0.5 + Math.random())), turn()]);
    while (document.hidden);
  }
  leaving = false;
}

// What this server waits for, by its public status: a word of WORDS, or nothing when there are results to see.
function reason({ gate, shown, standing }) {
  if (gate.state !== "open" && gate.state !== "closed") return gate.state;
  if (shown) return "";
  if (standing.withdrawn.length) return "withdrawn";
  return gate.state === "open" ? "first" : "retired";
}

function tell(word) {
  const [heading, text] = WORDS[word] || WORDS.other;
  element("heading").textContent = heading;
  element("text").textContent = text;
}

function two(number) {
  return String(number).padStart(2, "0");
}

// Date and time in the place, as the results page writes them: the zone data of old phones may be wrong by an hour.
function written(instant) {
  const local = new Date(instant.getTime() + document.documentElement.dataset.utcMinutes * 60000);
  const day = { weekday: "long", day: "numeric", month: "long", year: "numeric", timeZone: "UTC" };
  const clock = { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: "UTC" };
  return `${local.toLocaleDateString("es-MX", day).replace(",", "")}, ${local.toLocaleTimeString("es-MX", clock)} h`;
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
    const asked = Date.now();
    const answer = await request(STATUS, "GET");
    if (answer.status === REVOKED) {
      opens = null;
      return leave();
    }
    if (!answer.ok && opens === null) tell("other"); // what was told before may be true no longer
    const status = await answer.json();
    const { gate } = status;
    const word = reason(status);
    if (!word) return leave();
    tell(word);
    if (word !== "waiting") return;
    element("opens").textContent = `Apertura: ${written(new Date(gate.opens))}`;
    if (Date.now() - asked > PATIENCE_MS) return; // a device that slept reads an answer that came long before
    // The device's clock may be wrong; the server's answer says by how much, to the second. A cache on the way kept it
    // for `Age`; some state their own date, most that of the answer.
    const ahead = Date.now() - Date.parse(answer.headers.get("Date") || new Date());
    const kept = 1000 * answer.headers.get("Age");
    const instant = Date.parse(gate.opens) + (ahead < -2000 ? ahead : ahead > kept + 2000 ? ahead - kept : 0);
    opens = instant > Date.now() ? instant : null;
    tick();
  } catch {
    // The page keeps what it shows; the next request may succeed.
  }
}

function look() {
  if (!document.hidden && !leaving) ask();
}

look();
setInterval(tick, 1000);
setInterval(look, ASK_EVERY_MS);
document.addEventListener("visibilitychange", look);
setInterval(leave, 10 * 60 * 1000); // also where the status cannot be read
