if obj.metadata.annotations ~= nil then
  obj.metadata.annotations["tokenfactory.nebius.com/paused"] = nil
end
return obj
