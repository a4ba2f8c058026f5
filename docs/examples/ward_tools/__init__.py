"""A small MCP server for a ward, built with FastMCP and protected by Mandate. Read README.md first."""
