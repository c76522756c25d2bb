"""What the YAML may say, and loading it."""

from agent.config.load import load, parse
from agent.config.model import CameraConfig, Config
from agent.config.problems import ConfigError, Problem
from agent.config.secrets import Secret

__all__ = ["CameraConfig", "Config", "ConfigError", "Problem", "Secret", "load", "parse"]
