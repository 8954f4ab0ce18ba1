// Builds elements; text from the data is always inserted as text, never as markup.

export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value == null || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (name.startsWith('--')) element.style.setProperty(name, value);
    else element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.flat(Infinity).filter(child => child != null && child !== false));
  return element;
}

// A name, which no browser may translate.
export const proper = (tag, name, properties) => h(tag, {translate: 'no', ...properties}, name);

// What a view begins with: its title, and above it where that belongs.
export const heading = (above, title, ...children) => h('div', {class: 'heading'},
  h('div', {}, h('p', {class: 'eyebrow'}, above), h('h1', {tabindex: -1}, title)), children);

// A part of a view, and its own heading.
export const section = (id, style, title, ...children) =>
  h('section', {class: style, 'aria-labelledby': id}, h('h2', {id}, title), children);

// Exchanges an element's children; the focus stays, and how far a table was moved to the side. Safari 13 has no
// replaceChildren.
export function fill(element, ...children) {
  const {activeElement: focused} = document;
  const key = focused.id || focused.href;
  const alike = () => [...element.querySelectorAll(focused.tagName)];
  const at = alike().indexOf(focused);
  const moved = element.querySelector('.scroll')?.scrollLeft;
  element.textContent = '';
  element.append(...children);
  const table = element.querySelector('.scroll');
  if (moved && table) table.scrollLeft = moved;
  if (at >= 0) (alike().find(one => key && key === (one.id || one.href)) ?? alike()[at])?.focus({preventScroll: true});
}

export const byId = id => document.getElementById(id);

const texts = new Map();

// Sets text only where it changed: screen readers do not read it again, the layout does not move, and what the browser
// translated stays.
export function setText(id, text) {
  if (texts.get(id) !== text) byId(id).textContent = text;
  texts.set(id, text);
}
