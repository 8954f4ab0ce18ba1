// Numbers, percentages and instants as Mexico writes them.

// The corte says how far the place is from UTC that night: the zone data of old phones may be wrong.
let offset = 0;
let zone = ' UTC'; // until the corte says

export function setOffset(minutes) {
  offset = minutes * 60_000;
  zone = '';
}

const local = instant => new Date(Date.parse(instant) + offset);

const integer = new Intl.NumberFormat('es-MX');
const clock = new Intl.DateTimeFormat('es-MX', {timeZone: 'UTC', hour: '2-digit', minute: '2-digit', hourCycle: 'h23'});
const longDate = new Intl.DateTimeFormat('es-MX', {timeZone: 'UTC', weekday: 'long', day: 'numeric', month: 'long', year: 'numeric'});

export const number = integer.format;

// Percentages arrive truncated to four decimals and are shown without rounding; of nothing there is none.
export const percent = text => text == null ? '–' : `${text}\u202f%`;

export const time = instant => `${clock.format(local(instant))} h${zone}`;

export const date = instant => longDate.format(local(instant)).replace(',', '');

// A day without a time, as 2024-06-02.
export const day = text => longDate.format(new Date(text)).replace(',', '');

// Safari 13 has no Intl.RelativeTimeFormat.
const past = (count, unit) => `hace ${number(count)} ${unit}${count === 1 ? '' : 's'}`;

export function ago(milliseconds) {
  const minutes = Math.floor(milliseconds / 60_000);
  if (minutes < 1) return 'hace menos de un minuto';
  if (minutes < 120) return past(minutes, 'minuto');
  if (minutes < 48 * 60) return past(Math.floor(minutes / 60), 'hora');
  return past(Math.floor(minutes / 1440), 'día');
}

export function bytes(size) {
  return size < 1e6 ? `${number(Math.ceil(size / 1e3))} kB` : `${(size / 1e6).toFixed(1)} MB`;
}

// The address of a file: its name may have any character.
export const link = path => path.split('/').map(encodeURIComponent).join('/');

// Text for searching: words without accents, capitals and other signs.
export const plain = text =>
  text.normalize('NFD').replace(/\p{Diacritic}/gu, '').toLowerCase().replace(/[^\p{L}\p{N}]+/gu, ' ').trim();
