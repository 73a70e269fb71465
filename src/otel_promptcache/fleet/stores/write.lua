-- Writes what the fleet learns of a prompt that was answered, or given up. Returns 1 if the segments of its variant are missing.
local base = KEYS[1]
local chain, scope, age, life = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local left, tokens, call, asked_scope, flights = ARGV[5], ARGV[6], ARGV[7], ARGV[8], ARGV[9]
local template, variant, has_body, body, pieces = ARGV[10], ARGV[11], ARGV[12] == '1', ARGV[13], ARGV[14]
local answers, response_id = ARGV[15], ARGV[16]
local start, start_age, starts = ARGV[17], tonumber(ARGV[18]), tonumber(ARGV[19])
local now = tonumber(ARGV[20])
local max_scopes, max_variants, day, min_life_ms = 1024, 3, 86400, 3600000
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local at = now - age
local alive_until = at + life

local boundaries = {}
for i = 1, #left, 9 do
  local place, is_marked, boundary_life = struct.unpack('>I2BI6', left, i)
  boundaries[place] = boundaries[place] or {0, 0}
  boundaries[place][is_marked + 1] = at + boundary_life
end
for place = 0, #chain / 8 - 1 do
  local key = base .. 'p' .. string.sub(chain, place * 8 + 1, place * 8 + 8)
  local earlier = redis.call('HGET', key, scope)
  local seen, alive, unmarked, marked = at, alive_until, 0, 0
  if boundaries[place] then unmarked, marked = boundaries[place][1], boundaries[place][2] end
  local kept = math.max(2 * life, 2 * (math.max(unmarked, marked) - at), min_life_ms)
  if earlier then
    local old_seen, old_alive = struct.unpack('>I6I6', earlier)
    seen, alive = math.max(seen, old_seen), math.max(alive, old_alive)
    if #earlier >= 24 then
      local old_unmarked, old_marked = struct.unpack('>I6I6', earlier, 13)
      unmarked, marked = math.max(unmarked, old_unmarked), math.max(marked, old_marked)
    end
  elseif redis.call('HLEN', key) >= max_scopes then
    redis.call('HDEL', key, redis.call('HRANDFIELD', key))
  end
  local value = struct.pack('>I6I6', seen, alive)
  if unmarked + marked > 0 then value = value .. struct.pack('>I6I6', unmarked, marked) end
  redis.call('HSET', key, scope, value)
  redis.call('PEXPIRE', key, math.max(kept, redis.call('PTTL', key)))  -- another scope may live longer
end
for i = 1, #tokens, 12 do
  local key = base .. 'p' .. string.sub(tokens, i, i + 7)
  -- The length of a prefix that is no longer stored is of no use.
  if redis.call('EXISTS', key) == 1 then redis.call('HSET', key, 'n', (struct.unpack('>I4', tokens, i + 8))) end
end
for i = 1, #flights, 8 do redis.call('HDEL', base .. 'f' .. asked_scope .. string.sub(flights, i, i + 7), call) end
if starts ~= 0 then
  local key = base .. 'r' .. start
  redis.call('HINCRBY', key, math.floor((now - start_age) / 1000), starts)
  redis.call('PEXPIRE', key, 90000)
end
if answers ~= '' and response_id ~= '' then redis.call('SET', base .. 'i' .. answers, response_id, 'EX', day) end
if variant == '' then return 0 end

if has_body then
  redis.call('SET', base .. 'c' .. variant, body, 'EX', day)
  for i = 1, #pieces, 5 do redis.call('SET', base .. 's' .. string.sub(pieces, i, i + 4), template, 'EX', day) end
elseif redis.call('EXPIRE', base .. 'c' .. variant, day) == 0 then
  return 1
end
local key = base .. 't' .. template
redis.call('HSET', key, variant, struct.pack('>I6I6', at, alive_until) .. scope)
redis.call('EXPIRE', key, day)
while redis.call('HLEN', key) > max_variants do
  local fields, oldest, least = redis.call('HGETALL', key), nil, math.huge
  for i = 1, #fields, 2 do
    local seen = struct.unpack('>I6', fields[i + 1])
    if seen < least then oldest, least = fields[i], seen end
  end
  redis.call('HDEL', key, oldest)
end
return 0
