"""Drafts are many: of too many, the oldest is forgotten."""

from __future__ import annotations

from tests.browser.conftest import ChatPage

# as if sixty conversations had a draft, one a second; those of which one has gone are told
MANY = """async (address) => {
  const { Drafts } = await import(address);
  const drafts = new Drafts("somebody");
  const now = Date.now();
  for (let number = 0; number < 60; number++) {
    Date.now = () => now + 1000 * number;
    drafts.keep(`chat-${(number * 37) % 60}`, `2026 words ${number}`);
  }
  const gone = [];
  for (let number = 0; number < 60; number++)
    if (drafts.read(`chat-${(number * 37) % 60}`) !== `2026 words ${number}`) gone.push(number);
  return gone;
}"""
ADDRESS = """performance.getEntriesByType("resource").map(({ name }) => name)
  .find((name) => name.endsWith("/drafts.js"))"""


def test_the_oldest_drafts_are_forgotten_first(chat: ChatPage) -> None:
    assert chat.page.evaluate(MANY, chat.page.evaluate(ADDRESS)) == list(range(10))
