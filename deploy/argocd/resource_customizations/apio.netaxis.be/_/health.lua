-- Group, Tenant and Reseller follow kstatus (https://github.com/kubernetes-sigs/cli-utils/blob/master/pkg/kstatus/README.md):
-- Reconciling and Stalled are present only while true, and observedGeneration says which spec the status speaks of.
local hs = { status = "Progressing", message = "waiting for apio-operator to look at it" }

local conditions = {}
if obj.status ~= nil and obj.status.conditions ~= nil then
  for _, condition in ipairs(obj.status.conditions) do
    conditions[condition.type] = condition
  end
end
local is_seen = obj.status ~= nil and obj.status.observedGeneration == obj.metadata.generation

if obj.metadata.deletionTimestamp ~= nil then
  hs.message = "is being deleted"
  if is_seen and conditions.DeletionBlocked ~= nil then
    hs.message = conditions.DeletionBlocked.message
    if conditions.Stalled ~= nil then
      hs.status = "Degraded"
    end
  end
  -- Without it Argo CD (3.6 and newer) names only the finalizer.
  hs.deletionMessage = hs.message
  return hs
end

if not is_seen or conditions.Ready == nil then
  return hs
end

hs.message = conditions.Ready.message
if conditions.Stalled ~= nil then
  hs.status = "Degraded"
elseif conditions.Ready.reason == "Paused" then
  hs.status = "Suspended"
elseif conditions.Ready.status == "True" then
  hs.status = "Healthy"
  -- The policies of the resource say that a difference is only reported.
  if conditions.Synced ~= nil and conditions.Synced.status == "False" then
    hs.message = conditions.Synced.message
  end
end
return hs
