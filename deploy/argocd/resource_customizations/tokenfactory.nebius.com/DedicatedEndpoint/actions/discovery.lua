local annotations = obj.metadata.annotations or {}
local paused = annotations["tokenfactory.nebius.com/paused"] == "true"
return {
  pause = { disabled = paused },
  resume = { disabled = not paused },
  reconcile = { disabled = false },
}
