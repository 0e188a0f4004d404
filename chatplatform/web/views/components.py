"""Every component of the visual language on one page, for developers."""

from __future__ import annotations

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from chatplatform.accounts.forms import ProfileForm
from chatplatform.accounts.models import Role
from chatplatform.accounts.person import person_of
from chatplatform.chat.markdown import render as render_markdown
from chatplatform.web.browser_strings import STRINGS

SAMPLE_PROFILE = {"display_name": "Support", "email": "not an address", "theme": "system", "language": "en"}

SAMPLE = """\
# A heading in an answer

Running text with *emphasis*, **weight**, `code` and [a link](https://example.org/).
A second sentence shows the rhythm of the lines. 中文与 English 混排的样子。

1. First, measure.
2. Then decide.
   - A detail.
   - Another one.

> What is quoted stands apart.

| Tent | People | Weight |
| :--- | :---: | ---: |
| Heron 2 | 2 | 1.9 kg |
| Heron 4 | 4 | 3.4 kg |

```python
def greet(name: str) -> str:
    # a comment
    return f"Hello, {name}!" * 2
```
"""


@require_safe
def components(request: HttpRequest) -> HttpResponseBase:
    person = person_of(request)
    if not settings.DEBUG and (person is None or person.role != Role.OWNER):
        raise PermissionDenied
    return render(
        request,
        "components/page.html",
        {
            "sample": render_markdown(SAMPLE),
            "form": ProfileForm(SAMPLE_PROFILE),
            "data": {"strings": STRINGS},
        },
    )
