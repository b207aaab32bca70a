"""The bot: decides, talks, escalates."""

__version__ = "0.1.0"
