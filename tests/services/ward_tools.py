"""The example of an MCP server (``docs/examples/ward_tools``), as a process of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from tests.services.records_api import RunningRecordsApi


@dataclass
class RunningWardTools(RunningRecordsApi):
    """One MCP server. ``settings``: the variables that README.md of the example tells of."""

    module: ClassVar[str] = "ward_tools"
    uri_variable: ClassVar[str] = "TOOLS_URI"

    @property
    def uri(self) -> str:
        return f"http://localhost:{self.port}/mcp"
