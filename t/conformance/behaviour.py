"""What the operations do, as far as t/4x and t/clients do not tell it."""

from table import rows

import behaviour_clusters
import behaviour_instances
import behaviour_managed
import behaviour_services
import behaviour_tasks

__all__ = ["rows"]
