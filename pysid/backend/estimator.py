"""scikit-learn's contract for what learns from embeddings, kept without the time that importing scikit-learn takes.

`sklearn.base` takes as long to import as torch, which a program that scores with a finished model would wait for. Its
contract is one of methods and not of bases (https://scikit-learn.org/stable/developers/develop.html), so these classes
have the methods, and import scikit-learn when it asks for its own types: `clone`, pipelines and grid searches work.
"""

import inspect
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike

from pysid.backend.checks import check_embeddings


class Estimator:
    """What has options, by keyword and only stored, and learns attributes whose names end in an underscore.

    `n_features_in_` is the dimension of the embeddings that were last learned from.
    """

    n_features_in_: int
    requires_labels: ClassVar[bool] = False

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The options by their names; with `deep` those of an estimator among them too, such as `backend__lda_dim`."""
        params: dict[str, Any] = {}
        for name in _option_names(type(self)):
            value = params[name] = getattr(self, name)
            if deep and hasattr(value, "get_params") and not isinstance(value, type):
                params |= {f"{name}__{inner}": x for inner, x in value.get_params().items()}
        return params

    def set_params(self, **params: Any) -> Self:
        """Sets options by their names, those of an option that is an estimator as `backend__lda_dim`.

        Raises:
            ValueError: there is no such option.
        """
        names = _option_names(type(self))
        for key, value in params.items():
            name, _, inner = key.partition("__")
            if name not in names:
                raise ValueError(f"{type(self).__name__} has no option {name!r}; it has {', '.join(names) or 'none'}")
            if inner:
                getattr(self, name).set_params(**{inner: value})
            else:
                setattr(self, name, value)
        return self

    def check_fitted(self) -> None:
        """Raises scikit-learn's `NotFittedError`, which is a ValueError, unless something was learned."""
        if not self.__sklearn_is_fitted__():
            from sklearn.exceptions import NotFittedError

            raise NotFittedError(f"this {type(self).__name__} is not fitted: call fit first")

    def _check_training(self, X: ArrayLike) -> np.ndarray:
        """Checked training embeddings (N, D); their D is kept."""
        X = check_embeddings(X)
        self.n_features_in_ = X.shape[1]
        return X

    def _check_input(self, X: ArrayLike, dim: int | None) -> np.ndarray:
        """Checked embeddings (N, dim) for what is fitted; of any dimension where that is None."""
        self.check_fitted()
        return check_embeddings(X, dim=dim)

    def __sklearn_is_fitted__(self) -> bool:
        return any(name.endswith("_") and not name.startswith("_") for name in vars(self))

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import Tags, TargetTags

        return Tags(estimator_type=None, target_tags=TargetTags(required=self.requires_labels))

    def __repr__(self) -> str:
        defaults = inspect.signature(type(self)).parameters
        options = self.get_params(deep=False).items()
        changed = (f"{name}={value!r}" for name, value in options if not _same(value, defaults[name].default))
        return f"{type(self).__name__}({', '.join(changed)})"


class Transformer(Estimator):
    """An estimator that maps embeddings to others, by `fit(X, y)` and `transform(X)`."""

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Learns from embeddings `X` (N, D) of speakers `y` (N,), which may be left out where they do not matter."""
        raise NotImplementedError

    def transform(self, X: ArrayLike) -> np.ndarray:
        """(N, d) of the embeddings `X` (N, D)."""
        raise NotImplementedError

    def fit_transform(self, X: ArrayLike, y: ArrayLike | None = None) -> np.ndarray:
        """What `transform` makes of the embeddings that are learned from: (N, d) of `X` (N, D), speakers `y` (N,)."""
        return (self.fit(X) if y is None else self.fit(X, y)).transform(X)  # type: ignore[call-arg]

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import TransformerTags

        tags = super().__sklearn_tags__()
        tags.transformer_tags = TransformerTags(preserves_dtype=["float64"])
        return tags


def _option_names(kind: type) -> list[str]:
    return sorted(inspect.signature(kind).parameters)


def _same(value: Any, default: Any) -> bool:
    return value is default or (type(value) is type(default) and bool(np.all(value == default)))
