// Builds elements; text from the data is always inserted as text, never as markup.

export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (name.startsWith('--')) element.style.setProperty(name, value);
    else element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.flat(Infinity).filter(child => child !== null && child !== undefined && child !== false));
  return element;
}

// What a view begins with: its title, and above it where that belongs.
export const heading = (above, title, ...children) => h('div', {class: 'heading'},
  h('div', {}, h('p', {class: 'eyebrow'}, above), h('h1', {tabindex: -1}, title)), children);

// A part of a view, and its own heading.
export const section = (id, style, title, ...children) =>
  h('section', {class: style, 'aria-labelledby': id}, h('h2', {id}, title), children);

// Exchanges an element's children. Safari 13 has no replaceChildren.
export function fill(element, ...children) {
  element.textContent = '';
  element.append(...children);
}

export const byId = id => document.getElementById(id);

// Sets text only where it changed: screen readers do not read it again and the layout does not move.
export function setText(id, text) {
  const element = byId(id);
  if (element.textContent !== text) element.textContent = text;
}
