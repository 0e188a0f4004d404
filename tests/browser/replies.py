"""What the scripted engine says in the browser tests: `(piece of the question, answer)`, first fit wins."""

from __future__ import annotations

TENT = """\
For two people in autumn I would take the **Heron 2**.

It keeps out wind and rain down to about −5 °C, and its two doors mean that nobody climbs over anybody at night. \
The *Finch 2* is lighter, but its single wall collects condensation on cold mornings.

| Tent | People | Weight | Seasons |
| :--- | :---: | ---: | :--- |
| Heron 2 | 2 | 1.9 kg | spring to autumn |
| Finch 2 | 2 | 1.2 kg | summer |

Before you go:

1. Pitch it once at home.
2. Seal the seams if it has been stored for more than a year.

To weigh what you pack:

```python
def total_kg(items: dict[str, float]) -> float:
    return round(sum(items.values()), 1)  # one decimal is enough
```

Shall I check whether it is in stock?"""

TENT_ZH = """\
秋天两个人用，我推荐**苍鹭 2**。

它能抵御风雨，适用到约 −5 °C；双开门的设计，让夜里进出互不打扰。*雀 2* 更轻，但单层结构在寒冷的早晨容易凝结水汽。

| 帐篷 | 人数 | 重量 | 季节 |
| :--- | :---: | ---: | :--- |
| 苍鹭 2 | 2 | 1.9 公斤 | 春季至秋季 |
| 雀 2 | 2 | 1.2 公斤 | 夏季 |

出发之前：

1. 先在家里搭一次。
2. 存放超过一年的帐篷，要补涂缝线胶。

需要我帮您查一下库存吗？"""

HOSTILE = """\
<script>window.pwned = 1</script>

<img src=x onerror="window.pwned = 2"> <svg onload="window.pwned = 3"></svg> <iframe src="https://evil.example/"></iframe>

[click](javascript:window.pwned=4) [data](data:text/html,<script>window.pwned=5</script>) ![seen](https://evil.example/pixel.png?secret)

<style>body { display: none }</style> <form action="https://evil.example/"><input name=password></form>

<a href="https://evil.example/" onclick="window.pwned = 6" style="position:fixed;inset:0">over everything</a>

```html"onmouseover="window.pwned=7
<script>window.pwned = 8</script>
```

| <b onclick="window.pwned=9">a</b> |
| --- |
| <img src=x onerror=window.pwned=10> |

The end of it."""

# cites what stands before a question about it (test_knowledge)
RIDGE = "The Ridge tent weighs 1.9 kg [1]. It was sewn in a lighthouse."

REPLIES = [("Ridge tent weighs", RIDGE), ("Which tent", TENT), ("哪顶帐篷", TENT_ZH), ("be hostile", HOSTILE)]
