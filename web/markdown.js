// Markdown -> DOM nodes. A model's text is hostile input: marked only cuts it into tokens, and every node is
// made by createElement and textContent. HTML in the text is shown as text, links lead to http, https and
// mailto only, images become links.

import {text} from '/i18n.js';

const kMostHighlighted = 20000;  // characters of a code block
const kDeepest = 40;             // nested lists, quotes, emphasis
const kEntities = {amp: '&', lt: '<', gt: '>', quot: '"', apos: '\'', nbsp: '\u00a0'};

function make(tag, className, ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...children);
  return element;
}

function decodeEntities(source) {
  return source.replace(/&(?:#x([0-9a-f]{1,6})|#([0-9]{1,7})|(\w{2,4}));/gi, (whole, hex, decimal, name) => {
    if (name) return Object.hasOwn(kEntities, name) ? kEntities[name] : whole;
    const point = hex ? parseInt(hex, 16) : parseInt(decimal, 10);
    return point > 0 && point <= 0x10ffff ? String.fromCodePoint(point) : '\ufffd';
  });
}

// The address as the browser understands it, or null when a click may not go there.
function safeAddress(href) {
  try {
    const url = new URL(decodeEntities(href));
    return ['http:', 'https:', 'mailto:'].includes(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

function link(href, children) {
  const address = safeAddress(href);
  if (!address) return make('span', null, ...children);
  const anchor = make('a', null, ...children);
  anchor.href = address;
  anchor.target = '_blank';
  anchor.rel = 'noopener noreferrer nofollow';
  return anchor;
}

// highlight.js answers with a string of <span class="hljs-..."> and escaped text. Anything else in it, or a
// text that differs from the code, means plain text.
export function spansFrom(html, code) {
  const root = document.createDocumentFragment();
  const open = [root];
  const pattern = /<span class="([\w\- ]+)">|(<\/span>)|&(amp|lt|gt|quot|#x27|#39);|([^<&]+)/y;
  let at = 0;
  while (at < html.length) {
    pattern.lastIndex = at;
    const match = pattern.exec(html);
    if (!match) return null;
    const [whole, className, close, entity, plain] = match;
    const top = open[open.length - 1];
    if (className) {
      const span = make('span', className);
      top.append(span);
      open.push(span);
    } else if (close) {
      if (open.length === 1) return null;
      open.pop();
    } else {
      top.append(plain ?? (entity.startsWith('#') ? '\'' : kEntities[entity]));
    }
    at += whole.length;
  }
  return open.length === 1 && root.textContent === code ? root : null;
}

function highlighted(code, language) {
  const engine = window.hljs;
  if (!engine || !language || code.length > kMostHighlighted || !engine.getLanguage(language)) return null;
  try {
    return spansFrom(engine.highlight(language, code, true).value, code);
  } catch {
    return null;
  }
}

export function copyButton(source) {
  const button = make('button', 'copy', text('copy'));
  button.type = 'button';
  button.addEventListener('click', async () => {
    const content = source();
    try {
      await navigator.clipboard.writeText(content);
    } catch {  // no clipboard outside https and localhost
      const field = make('textarea');
      field.value = content;
      document.body.append(field);
      field.select();
      document.execCommand('copy');
      field.remove();
    }
    button.textContent = text('copied');
    setTimeout(() => { button.textContent = text('copy'); }, 1500);
  });
  return button;
}

function codeBlock(token) {
  const language = (token.lang || '').trim().split(/\s/)[0].slice(0, 30);
  const code = make('code');
  code.append(highlighted(token.text, language.toLowerCase()) ?? token.text);
  const pre = make('pre', null, code);
  pre.tabIndex = 0;
  return make('div', 'code', make('div', 'code-head', make('span', null, decodeEntities(language)), copyButton(() => token.text)), pre);
}

function listItem(item, depth) {
  const element = make('li');
  if (item.task) {
    const box = make('input');
    box.type = 'checkbox';
    box.disabled = true;
    box.checked = Boolean(item.checked);
    element.append(box, ' ');
  }
  element.append(blocks(item.tokens, depth + 1));
  return element;
}

function table(token, depth) {
  const row = (cells, tag) => make('tr', null, ...cells.map((cell, i) => {
    const element = make(tag, ['left', 'right', 'center'].includes(token.align[i]) ? `align-${token.align[i]}` : null);
    element.append(inlines(cell.tokens, depth + 1));
    return element;
  }));
  const body = token.rows.map((cells) => row(cells, 'td'));
  return make('div', 'table', make('table', null, make('thead', null, row(token.header, 'th')), make('tbody', null, ...body)));
}

function block(token, depth) {
  switch (token.type) {
    case 'space': case 'def': return '';
    case 'code': return codeBlock(token);
    case 'heading': return make(`h${Math.min(6, token.depth + 1)}`, null, inlines(token.tokens, depth + 1));
    case 'hr': return make('hr');
    case 'blockquote': return make('blockquote', null, blocks(token.tokens, depth + 1));
    case 'list': {
      const element = make(token.ordered ? 'ol' : 'ul', null, ...token.items.map((item) => listItem(item, depth)));
      if (token.ordered && Number.isInteger(token.start) && token.start !== 1) element.start = token.start;
      return element;
    }
    case 'table': return table(token, depth);
    case 'paragraph': return make('p', null, inlines(token.tokens, depth + 1));
    case 'text': return token.tokens ? inlines(token.tokens, depth + 1) : document.createTextNode(decodeEntities(token.raw));
    default: return document.createTextNode(token.raw);  // html and whatever else
  }
}

function blocks(tokens, depth) {
  const fragment = document.createDocumentFragment();
  if (depth > kDeepest) {
    fragment.append(tokens.map((token) => token.raw).join(''));
  } else {
    fragment.append(...tokens.map((token) => block(token, depth)));
  }
  return fragment;
}

function inline(token, depth) {
  switch (token.type) {
    case 'escape': return token.raw.slice(1);
    case 'link': return link(token.href, [inlines(token.tokens, depth + 1)]);
    case 'image': return link(token.href, [`[${text('image')}${token.text ? `: ${decodeEntities(token.text)}` : ''}]`]);
    case 'strong': return make('strong', null, inlines(token.tokens, depth + 1));
    case 'em': return make('em', null, inlines(token.tokens, depth + 1));
    case 'del': return make('del', null, inlines(token.tokens, depth + 1));
    case 'codespan': return make('code', null, decodeEntities(token.text));
    case 'br': return make('br');
    case 'html': return token.raw;
    default: return decodeEntities(token.raw);
  }
}

function inlines(tokens, depth) {
  const fragment = document.createDocumentFragment();
  if (depth > kDeepest) {
    fragment.append((tokens || []).map((token) => token.raw).join(''));
  } else {
    for (const token of tokens || []) fragment.append(inline(token, depth));
  }
  return fragment;
}

// Renders a growing text into `element`: blocks that have not changed since the last call keep their nodes.
export class MarkdownView {
  constructor(element) {
    this.element = element;
    this.shown = [];  // {raw, node}
  }

  update(source) {
    let tokens;
    try {
      tokens = window.marked.lexer(source, {gfm: true, breaks: false, mangle: false, headerIds: false});
    } catch {
      tokens = [{type: 'plain', raw: source}];
    }
    let same = 0;
    while (same < this.shown.length && same < tokens.length && this.shown[same].raw === tokens[same].raw) ++same;
    for (const {node} of this.shown.splice(same)) node.remove();
    for (const token of tokens.slice(same)) {
      const made = block(token, 0);
      const node = made instanceof Element ? made : make('p', null, made);
      if (token.type === 'space' || token.type === 'def') node.hidden = true;
      this.element.append(node);
      this.shown.push({raw: token.raw, node});
    }
  }
}
