-- Reconcile now. Where `Stalled` asks a person to confirm something, this confirms it: look at the console first.
obj.metadata.annotations = obj.metadata.annotations or {}
obj.metadata.annotations["tokenfactory.nebius.com/reconcile-requested-at"] = os.date("!%Y-%m-%dT%H:%M:%SZ")
return obj
