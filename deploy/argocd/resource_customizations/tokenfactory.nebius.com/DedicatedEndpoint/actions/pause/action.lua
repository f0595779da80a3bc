-- The cloud is not changed any more; the status goes on telling what is seen.
obj.metadata.annotations = obj.metadata.annotations or {}
obj.metadata.annotations["tokenfactory.nebius.com/paused"] = "true"
return obj
