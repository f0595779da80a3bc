-- As the operator reads it: any word but a clear "no" pauses. There is no library for strings here.
local no = {}
for _, word in ipairs({ "false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF", "0" }) do
  no[word] = true
end
local value = (obj.metadata.annotations or {})["tokenfactory.nebius.com/paused"]
local paused = value ~= nil and not no[value]
return {
  pause = { disabled = paused },
  resume = { disabled = not paused },
  reconcile = { disabled = false },
}
