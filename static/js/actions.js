// What the buttons of the chat do. Each feature puts its own in here, and chat.js finds them when they are pressed.

/**
 * `[data-message-action=NAME]` in a message's foot or in its menu: `(message, element, button) => …`, where `message`
 * is what conversation.js holds (its `view` is the server's) and `element` its article.
 */
export const messageActions = new Map();

/** When an item of the message menu is offered: `(view) => boolean`. One without an entry always is. */
export const messageConditions = new Map();

/** `[data-action=NAME]` anywhere else on the page: `(button, event) => …`. */
export const pageActions = new Map();
