"""What the operations do, as far as t/4x and t/clients do not tell it."""

from table import rows

import behaviour_clusters

__all__ = ["rows"]
