"""Diagnostics that a sweep may add to its metrics: UGradSL's Theorems 2 and 3, arXiv 2406.07698."""

from collections.abc import Container
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from mubench.catalogue.validation import Strict, input_error


class Theorem2Spec(Strict):
    """How Theorem 2 is measured on an original, see `mubench.methods.shared.theorem2`."""

    preconditioner: Literal["gauss_newton", "identity"] = "gauss_newton"
    damping: float = Field(1e-2, gt=0, le=1e12)
    subset: int = Field(2048, ge=1, le=10_000_000)
    iterations: int = Field(50, ge=1, le=1_000_000)


class LabelLdpSpec(Strict):
    """The weights that Theorem 3 assumes and no run can measure: `gamma1` of the training that a
    forgotten example still gets, `gamma2` of its ascent.
    """

    gamma1: float = Field(ge=-1e12, le=1e12)
    gamma2: float = Field(gt=0, le=1e12)

    @model_validator(mode="after")
    def _are_ordered(self) -> Self:
        if self.gamma1 <= self.gamma2:
            raise input_error(
                f"gamma1 must be above gamma2, got {self.gamma1:g} and {self.gamma2:g}; "
                "otherwise no smoothing rate has an epsilon"
            )
        return self


class Diagnostics(Strict):
    """The diagnostics of a sweep, or those of them that concern one step; none by default."""

    theorem2: Theorem2Spec | None = None
    label_ldp: LabelLdpSpec | None = None

    @field_validator("*", mode="before")
    @classmethod
    def _a_bare_key_asks_too(cls, value: Any) -> Any:
        return {} if value is None else value

    def of(self, hyperparameters: Container[str] | None) -> "Diagnostics":
        """Those of a final step: Theorem 2 is the original's, Label-LDP that of a smoothing rate.

        `hyperparameters` are those of the step's method, None for the original.
        """
        if hyperparameters is None:
            return self.model_copy(update={"label_ldp": None})
        asked = self.label_ldp if "alpha" in hyperparameters else None
        return self.model_copy(update={"theorem2": None, "label_ldp": asked})

    @property
    def sources(self) -> tuple[str, ...]:
        """The functions that compute the requested diagnostics, as roots of content ids."""
        asked = {
            "mubench.methods.shared.theorem2:diagnose": self.theorem2,
            "mubench.metrics.theory:label_ldp_epsilon": self.label_ldp,
        }
        return tuple(source for source, spec in asked.items() if spec is not None)
