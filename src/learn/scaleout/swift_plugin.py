"""Registers the rewards with ms-swift: --external_plugins swift_plugin.py --reward_funcs plumb_score ..."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import plumb_rewards

try:
    from swift.rewards import ORM, orms
except ImportError:  # before ms-swift 4
    from swift.plugin import ORM, orms


def _named(name):
    class Reward(ORM):
        def __call__(self, completions, **columns):
            return plumb_rewards.each(name, completions, columns)

    Reward.__name__ = f"Plumb{name.capitalize()}"
    return Reward


for _name in plumb_rewards.REWARDS:
    orms[f"plumb_{_name}"] = _named(_name)
