// The chat page: one conversation, kept in this browser.

import {switchLanguage, text, translate} from '/i18n.js';
import {MarkdownView, copyButton} from '/markdown.js';

const kDefaults = {system: '', temperature: 0.7, maxTokens: '', model: ''};
const kRenderEvery = 60;  // milliseconds between renderings of a growing answer
const $ = (id) => document.getElementById(id);

function load(key, fallback) {
  try {
    return JSON.parse(localStorage.getItem(key)) ?? fallback;
  } catch {
    return fallback;
  }
}

const settings = {...kDefaults, ...load('pingti.settings', {})};
// {role, content, note?: {key, values}, error?: bool}
let messages = load('pingti.messages', []);
if (!Array.isArray(messages)) messages = [];
messages = messages.filter((m) => ['user', 'assistant'].includes(m?.role) && typeof m.content === 'string');
let running = null;  // AbortController of the answer under way

function save() {
  try {
    localStorage.setItem('pingti.messages', JSON.stringify(messages));
    localStorage.setItem('pingti.settings', JSON.stringify(settings));
  } catch {  // full or forbidden: the conversation lives as long as the page
  }
}

const apiKey = () => sessionStorage.getItem('pingti.key') || '';

function headers() {
  const fields = {'Content-Type': 'application/json'};
  if (apiKey()) fields.Authorization = `Bearer ${apiKey()}`;
  return fields;
}

function notice(key, values) {
  $('notice').hidden = !key;
  $('notice').textContent = key ? text(key, values) : '';
}

// Whether the view follows the growing answer: as long as the reader has not scrolled away.
const scroller = $('scroller');
let following = true;
scroller.addEventListener('scroll', () => {
  following = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 60;
});
function follow() {
  if (following) scroller.scrollTop = scroller.scrollHeight;
}

class MessageView {
  constructor(message) {
    this.message = message;
    this.body = document.createElement('div');
    this.body.className = 'body';
    this.foot = document.createElement('div');
    this.foot.className = 'foot';
    this.element = document.createElement('article');
    this.element.className = message.role;
    const who = document.createElement('h2');
    who.className = 'hidden';
    who.textContent = text(message.role === 'user' ? 'you' : 'assistant');
    this.element.append(who, this.body, this.foot);
    this.markdown = message.role === 'assistant' ? new MarkdownView(this.body) : null;
    $('messages').append(this.element);
    this.render();
  }

  render() {
    if (this.markdown) {
      this.markdown.update(this.message.content);
    } else {
      this.body.textContent = this.message.content;
    }
  }

  setBusy(busy) {
    this.element.classList.toggle('busy', busy);
    this.element.setAttribute('aria-busy', String(busy));
  }

  // What stands below a finished message.
  close() {
    this.setBusy(false);
    this.render();
    this.foot.replaceChildren();
    const {note, error, content, role} = this.message;
    if (note) {
      const line = document.createElement('span');
      line.className = error ? 'error' : 'note';
      if (error) line.setAttribute('role', 'alert');
      line.textContent = text(note.key, note.values);
      this.foot.append(line);
    }
    if (role === 'assistant' && content) this.foot.append(copyButton(() => this.message.content));
    if (role === 'assistant' && this.message === messages.at(-1)) {
      const retry = document.createElement('button');
      retry.type = 'button';
      retry.className = 'retry';
      retry.textContent = text('retry');
      retry.addEventListener('click', tryAgain);
      this.foot.append(retry);
    }
  }
}

function showAll() {
  $('messages').replaceChildren();
  for (const message of messages) new MessageView(message).close();
  $('welcome').hidden = messages.length > 0;
  following = true;
  follow();
}

function showSuggestions() {
  $('suggestions').replaceChildren(...text('suggestions').map((suggestion) => {
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = suggestion;
    button.addEventListener('click', () => send(suggestion));
    return button;
  }));
}

function setRunning(controller) {
  running = controller;
  $('send').hidden = Boolean(controller);
  $('stop').hidden = !controller;
}

// Yields the JSON of each event of a stream.
async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let buffer = '';
  while (true) {
    const {value, done} = await reader.read();
    if (done) return;
    buffer += value;
    let end;
    while ((end = buffer.indexOf('\n\n')) >= 0) {
      const event = buffer.slice(0, end);
      buffer = buffer.slice(end + 2);
      if (!event.startsWith('data: ')) continue;
      const data = event.slice(6);
      if (data === '[DONE]') return;
      yield JSON.parse(data);
    }
  }
}

function describeError(error) {
  if (error.code === 'context_length_exceeded') {
    return {key: 'tooLong', values: {prompt: error.n_prompt_tokens, context: error.n_ctx}};
  }
  if (error.code === 'invalid_api_key') return {key: 'needsKey', values: {}};
  return {key: 'failed', values: {reason: error.message || '?'}};
}

function requestBody() {
  const system = settings.system.trim();
  const spoken = messages.slice(0, -1).filter((m) => !m.error && m.content);
  const body = {
    messages: [...(system ? [{role: 'system', content: system}] : []), ...spoken.map(({role, content}) => ({role, content}))],
    stream: true,
    stream_options: {include_usage: true},
    temperature: Number(settings.temperature),
  };
  if (!$('choose-model').hidden) body.model = $('choose-model').value;
  if (Number(settings.maxTokens) > 0) body.max_tokens = Number(settings.maxTokens);
  return JSON.stringify(body);
}

// Streams the answer to the conversation into its last message.
async function answer(view) {
  const {message} = view;
  const controller = new AbortController();
  setRunning(controller);
  view.setBusy(true);
  let firstAt = 0;
  let renderedAt = 0;
  let failure = null;
  try {
    const response = await fetch('/v1/chat/completions', {method: 'POST', headers: headers(), body: requestBody(), signal: controller.signal});
    if (!response.ok) {
      failure = (await response.json().catch(() => null))?.error ?? {message: `HTTP ${response.status}`};
    } else {
      for await (const event of events(response.body)) {
        if (event.error) {
          failure = event.error;
          break;
        }
        const choice = event.choices?.[0];
        if (choice?.delta?.content) {
          firstAt ||= performance.now();
          message.content += choice.delta.content;
          if (performance.now() - renderedAt > kRenderEvery) {
            view.render();
            follow();
            renderedAt = performance.now();
            await new Promise((resume) => { setTimeout(resume); });
          }
        }
        if (choice?.finish_reason === 'length') message.note = {key: 'cutOff', values: {}};
        if (event.usage && firstAt) {
          const seconds = Math.max(0.001, (performance.now() - firstAt) / 1000);
          const tokens = event.usage.completion_tokens;
          message.note ||= {key: 'speed', values: {tokens, rate: (tokens / seconds).toFixed(1)}};
        }
      }
    }
  } catch (error) {
    if (controller.signal.aborted) {
      message.note = {key: 'stopped', values: {}};
    } else {
      failure = {message: text('unreachable')};
    }
  }
  if (failure) {
    message.error = true;
    message.note = describeError(failure);
    if (failure.code === 'invalid_api_key') openSettings('set-key');
  }
  setRunning(null);
  save();
  view.close();
  follow();
}

function startAnswer() {
  const message = {role: 'assistant', content: ''};
  messages.push(message);
  $('messages').querySelectorAll('.retry').forEach((button) => button.remove());
  $('welcome').hidden = true;
  following = true;
  const view = new MessageView(message);
  follow();
  return answer(view);
}

function send(content) {
  if (running || !content.trim()) return;
  messages.push({role: 'user', content});
  new MessageView(messages.at(-1)).close();
  $('input').value = '';
  resizeInput();
  save();
  startAnswer();
}

function tryAgain() {
  if (running || messages.at(-1)?.role !== 'assistant') return;
  messages.pop();
  $('messages').lastElementChild.remove();
  startAnswer();
}

function stop() {
  running?.abort();
}

function newChat() {
  stop();
  messages = [];
  save();
  showAll();
  $('input').focus();
}

const input = $('input');
function resizeInput() {
  input.rows = 1;
  const line = parseFloat(getComputedStyle(input).lineHeight);
  input.rows = Math.max(1, Math.min(8, Math.round((input.scrollHeight - 16) / line)));
}
input.addEventListener('input', resizeInput);
input.addEventListener('keydown', (event) => {
  // While an input method composes, Enter chooses a word.
  if (event.key === 'Enter' && !event.shiftKey && !event.isComposing && event.keyCode !== 229) {
    event.preventDefault();
    send(input.value);
  }
});
document.addEventListener('keydown', (event) => {
  if (event.key === 'Escape' && !$('settings').open) stop();
});
$('composer').addEventListener('submit', (event) => {
  event.preventDefault();
  send(input.value);
});
$('stop').addEventListener('click', stop);
$('new-chat').addEventListener('click', newChat);
$('language').addEventListener('click', () => {
  switchLanguage();
  showTexts();
});

function fillSettings() {
  $('set-system').value = settings.system;
  $('set-temperature').value = settings.temperature;
  $('temperature-value').textContent = Number(settings.temperature).toFixed(2);
  $('set-max-tokens').value = settings.maxTokens;
  $('set-key').value = apiKey();
}
function openSettings(focus) {
  if ($('settings').open) return;
  fillSettings();
  $('settings').showModal();
  if (focus) $(focus).focus();
}
$('open-settings').addEventListener('click', () => openSettings());
$('set-temperature').addEventListener('input', (event) => {
  $('temperature-value').textContent = Number(event.target.value).toFixed(2);
});
$('settings-reset').addEventListener('click', () => {
  Object.assign(settings, kDefaults, {model: settings.model});
  fillSettings();
});
$('settings').addEventListener('close', () => {
  settings.system = $('set-system').value;
  settings.temperature = Number($('set-temperature').value);
  settings.maxTokens = $('set-max-tokens').value;
  sessionStorage.setItem('pingti.key', $('set-key').value.trim());
  save();
  lookAtServer();
});

function showTexts() {
  translate();
  $('language').textContent = text('otherLanguage');
  $('language').lang = document.documentElement.lang === 'en' ? 'zh-CN' : 'en';
  showSuggestions();
  if (!running) showAll();
}

// One model by its name, several to choose from.
function showModels(names) {
  const several = names.length > 1;
  $('model').hidden = several;
  $('choose-model').hidden = !several;
  $('model').textContent = names[0] ?? '';
  $('choose-model').replaceChildren(...names.map((name) => new Option(name)));
  if (names.includes(settings.model)) $('choose-model').value = settings.model;
}
$('choose-model').addEventListener('change', () => {
  settings.model = $('choose-model').value;
  save();
});

// Shows which model answers, or why none does yet.
async function lookAtServer() {
  let again = 0;
  try {
    const ready = await fetch('/readyz');
    if (!ready.ok) {
      const error = (await ready.json()).error;
      notice(error.code === 'loading' ? 'loading' : 'failed',
             {percent: Math.round(100 * (error.progress ?? 0)), reason: error.message});
      again = 700;
    } else {
      const models = await fetch('/v1/models', {headers: headers()});
      if (models.status === 401) {
        notice('needsKey');
      } else {
        notice(null);
        showModels((await models.json()).data.filter((model) => !model.parent).map((model) => model.id));
      }
    }
  } catch {
    notice('unreachable');
    again = 3000;
  }
  if (again) setTimeout(lookAtServer, again);
}

showTexts();
lookAtServer();
