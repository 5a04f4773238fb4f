"""Find a tower by name and check its options before anything is built."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from inspect import Parameter, signature
from typing import Any, Protocol, TypeVar

from tusou.errors import ConfigError


class _Spec(Protocol):
    @property
    def build(self) -> Callable[..., Any]: ...


Spec = TypeVar("Spec", bound=_Spec)


def find_spec(registry: Mapping[str, Spec], kind: str, name: str) -> Spec:
    """Look a tower up.

    Raises:
        ConfigError: No tower has this name; the message lists those there are.
    """
    if name not in registry:
        raise ConfigError(f"no {kind} tower is called {name!r}; there are: {', '.join(sorted(registry))}")
    return registry[name]


def build_with(spec: _Spec, name: str, options: Mapping[str, Any]) -> Any:
    """Call a tower's builder with the options given.

    Raises:
        ConfigError: An option is unknown or one that has no default is missing; every such option is named.
    """
    parameters = signature(spec.build).parameters
    unknown = sorted(set(options) - set(parameters))
    missing = [
        key
        for key, parameter in parameters.items()
        if parameter.default is Parameter.empty and key not in options
    ]
    problems = [f"unknown option {key!r}" for key in unknown] + [
        f"option {key!r} is missing" for key in missing
    ]
    if problems:
        raise ConfigError(f"tower {name}: {'; '.join(problems)}; its options: {', '.join(parameters)}")
    return spec.build(**options)


def check_choice(option: str, value: object, allowed: tuple[object, ...]) -> None:
    """Refuse a value that is not on the list.

    Raises:
        ConfigError: The value is another; the message lists the allowed ones.
    """
    if value not in allowed:
        raise ConfigError(f"{option} = {value!r}: allowed are {', '.join(map(repr, allowed))}")
