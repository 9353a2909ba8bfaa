// The page's texts. Elements name theirs by data-text, data-placeholder and data-label.

const texts = {
  en: {
    skip: 'Skip to the message field',
    newChat: 'New chat',
    settings: 'Settings',
    otherLanguage: '中文',
    conversation: 'Conversation',
    welcome: 'What shall we talk about?',
    welcomeNote: 'Everything stays between this page and the server that sent it.',
    suggestions: [
      'Explain how a bicycle stays upright.',
      'Write a Python function that merges two sorted lists.',
      'Draft a polite email that moves a meeting to Friday.',
    ],
    message: 'Message',
    model: 'Model',
    placeholder: 'Write a message',
    send: 'Send',
    stop: 'Stop',
    hint: 'Enter sends, Shift+Enter breaks the line, Escape stops. Answers can be wrong.',
    systemPrompt: 'System prompt',
    systemPlaceholder: 'How the assistant should behave',
    temperature: 'Temperature',
    maxTokens: 'Longest answer, tokens',
    unlimited: 'no limit',
    apiKey: 'API key',
    apiKeyPlaceholder: 'only if the server asks for one',
    apiKeyNote: 'Kept in this tab only.',
    reset: 'Defaults',
    done: 'Done',
    you: 'You',
    assistant: 'Assistant',
    copy: 'Copy',
    copied: 'Copied',
    retry: 'Try again',
    stopped: 'Stopped',
    cutOff: 'The answer reached its length limit.',
    thinking: 'Thinking',
    image: 'image',
    loading: 'The model is loading: {percent} %',
    needsKey: 'This server asks for an API key: enter it in the settings.',
    unreachable: 'The server does not answer. Is it running?',
    tooLong: 'The conversation has {prompt} tokens; this model holds {context}. Start a new chat.',
    failed: 'That did not work: {reason}',
    speed: '{tokens} tokens, {rate} per second',
  },
  zh: {
    skip: '跳到输入框',
    newChat: '新对话',
    settings: '设置',
    otherLanguage: 'English',
    conversation: '对话',
    welcome: '想聊点什么？',
    welcomeNote: '所有内容只在本页面与提供它的服务器之间传输。',
    suggestions: ['自行车为什么能保持平衡？', '用 Python 写一个合并两个有序列表的函数。', '写一封礼貌的邮件，把会议改到星期五。'],
    message: '消息',
    model: '模型',
    placeholder: '输入消息',
    send: '发送',
    stop: '停止',
    hint: '回车发送，Shift+回车换行，Esc 停止。回答可能有误。',
    systemPrompt: '系统提示词',
    systemPlaceholder: '希望助手如何回答',
    temperature: '温度',
    maxTokens: '回答长度上限（词元）',
    unlimited: '不限',
    apiKey: 'API 密钥',
    apiKeyPlaceholder: '仅在服务器要求时填写',
    apiKeyNote: '只保存在当前标签页。',
    reset: '恢复默认',
    done: '完成',
    you: '你',
    assistant: '助手',
    copy: '复制',
    copied: '已复制',
    retry: '重试',
    stopped: '已停止',
    cutOff: '回答达到了长度上限。',
    thinking: '思考中',
    image: '图片',
    loading: '模型加载中：{percent}%',
    needsKey: '此服务器需要 API 密钥，请在设置中填写。',
    unreachable: '服务器没有响应，它在运行吗？',
    tooLong: '对话有 {prompt} 个词元，超过了此模型的上限 {context}。请开始新对话。',
    failed: '出错了：{reason}',
    speed: '{tokens} 个词元，每秒 {rate} 个',
  },
};

let language = localStorage.getItem('pingti.language') ||
    ((navigator.language || 'en').toLowerCase().startsWith('zh') ? 'zh' : 'en');
if (!texts[language]) language = 'en';

export function text(key, values = {}) {
  const found = texts[language][key];
  if (typeof found !== 'string') return found;
  return found.replace(/\{(\w+)\}/g, (whole, name) => name in values ? String(values[name]) : whole);
}

export function switchLanguage() {
  language = language === 'en' ? 'zh' : 'en';
  localStorage.setItem('pingti.language', language);
}

// Puts the texts of the current language into the page.
export function translate(root = document) {
  document.documentElement.lang = language === 'zh' ? 'zh-CN' : 'en';
  for (const element of root.querySelectorAll('[data-text]')) element.textContent = text(element.dataset.text);
  for (const element of root.querySelectorAll('[data-placeholder]')) element.placeholder = text(element.dataset.placeholder);
  for (const element of root.querySelectorAll('[data-label]')) {
    element.setAttribute('aria-label', text(element.dataset.label));
    element.title = text(element.dataset.label);
  }
}
