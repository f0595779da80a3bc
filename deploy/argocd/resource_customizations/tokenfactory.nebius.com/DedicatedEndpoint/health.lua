-- Health of a DedicatedEndpoint, as its conditions tell it. It agrees with kstatus, by which Helm and Flux wait:
-- Current is Healthy, InProgress is Progressing, Failed is Degraded. A paused object is Suspended.
local function condition(kind)
  for _, item in ipairs(obj.status.conditions or {}) do
    if item.type == kind then
      return item
    end
  end
  return {}
end

local function health(status, item)
  return { status = status, message = item.message or "Waiting for the operator." }
end

if obj.status == nil or obj.status.observedGeneration ~= obj.metadata.generation then
  return health("Progressing", {})
end
local synced, ready = condition("Synced"), condition("Ready")
local stalled, reconciling = condition("Stalled"), condition("Reconciling")
if stalled.status == "True" then
  return health("Degraded", stalled)
end
if synced.reason == "ReconcilePaused" then
  return health("Suspended", synced)
end
if reconciling.status == "True" then
  return health("Progressing", reconciling)
end
if ready.status == "True" then
  return health("Healthy", ready)
end
return health("Progressing", ready)
