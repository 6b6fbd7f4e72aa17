"""What a child process has to make anew, since another thread of its parent may have held it at the fork."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any


def anew_in_children(names: dict[str, Any], name: str, make: Callable[[], Any]) -> None:
    """Have a child process replace `name` among `names` (a module's globals, an object's attributes) by `make()`."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=lambda: names.__setitem__(name, make()))
