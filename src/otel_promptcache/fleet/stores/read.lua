-- Reads what the fleet knows of a prompt that is being sent, and notes that it is in flight.
-- All keys begin with KEYS[1] and are in its slot. Times are milliseconds of this server's clock.
local base = KEYS[1]
local chain, roles, has_boundaries, scope, call = ARGV[1], ARGV[2], ARGV[3] == '1', ARGV[4], ARGV[5]
local start, age, template, answers, enough = ARGV[6], tonumber(ARGV[7]), ARGV[8], ARGV[9], tonumber(ARGV[10])
local held, digest, pieces = ARGV[11], ARGV[12], ARGV[13]
local now = tonumber(ARGV[14])
local max_scopes, max_digests, max_variants, day = 32, 512, 3, 86400
local flight_ms, rate_seconds, further_most = 60000, 60, 16
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local length = #chain / 8
local function prefix(place) return string.sub(chain, place * 8 - 7, place * 8) end
local function has(role, bit) return math.floor(role / bit) % 2 == 1 end

-- Prefixes from the end, until no earlier one matters.
local function until_of(value, which)  -- 0: at, 1: alive, 2: unmarked boundary, 3: marked one
  if not value or #value < which * 6 + 6 then return 0 end
  return (struct.unpack('>I6', value, which * 6 + 1))
end
local known, alive, bounded, further, last, prefixes = 0, 0, 0, 0, nil, {}
for place = length, 1, -1 do
  local key = base .. 'p' .. prefix(place)
  local size = redis.call('HLEN', key)
  if size > 0 then
    if known == 0 then known = place end
    local fields
    if size <= max_scopes then
      fields = redis.call('HGETALL', key)
    else
      fields = redis.call('HRANDFIELD', key, max_scopes / 2, 'WITHVALUES')
      for _, field in ipairs({scope, 'n'}) do
        local value = redis.call('HGET', key, field)
        if value then fields[#fields + 1] = field; fields[#fields + 1] = value end
      end
    end
    local tokens, entries, own = 0, {}, nil
    for at = 1, #fields, 2 do
      local field, value = fields[at], fields[at + 1]
      if field == 'n' then
        tokens = tonumber(value) + 1
      else
        if field == scope then own = value end
        entries[#entries + 1] = struct.pack('>BB', #field, #value) .. field .. value
      end
    end
    local packed = table.concat(entries)
    if tokens > 0 or packed ~= last then
      prefixes[#prefixes + 1] = struct.pack('>I2I4B', place - 1, tokens, #entries) .. packed
      last = packed
    end
    local role = string.byte(roles, place)
    if alive == 0 and until_of(own, 1) >= now then alive = place end
    if bounded == 0 and ((has(role, 1) and until_of(own, 2) >= now) or (has(role, 2) and until_of(own, 3) >= now)) then
      bounded = place
    end
    if alive > 0 and (bounded > 0 or not has_boundaries) then
      further = further + 1
      if tokens > 0 or further > further_most then break end
    end
  end
end

-- After what is alive: what others are sending, up to the first gap.
local flights, contiguous = {}, true
local from = alive
if has_boundaries and bounded < alive then from = bounded end
for place = from + 1, length do
  local role = string.byte(roles, place)
  local reads = has(role, 1) or has(role, 2)
  if (contiguous and place > alive) or reads then
    local plain, unmarked, marked = false, false, false
    local fields = redis.call('HGETALL', base .. 'f' .. scope .. prefix(place))
    for at = 1, #fields, 2 do
      if fields[at] ~= call then
        local deadline, leaves = struct.unpack('>I6B', fields[at + 1])
        if deadline >= now then
          plain, unmarked, marked = plain or has(leaves, 1), unmarked or has(leaves, 2), marked or has(leaves, 4)
        end
      end
    end
    if place > alive and not plain then contiguous = false end
    if not contiguous or place <= alive then plain = false end
    local leaves = (plain and 1 or 0) + (unmarked and 2 or 0) + (marked and 4 or 0)
    if leaves > 0 then flights[#flights + 1] = struct.pack('>I2B', place - 1, leaves) end
  end
end

-- A full store still answers: the writes here may be refused.
for place = 1, length do
  local role = string.byte(roles, place)
  local leaves = (place > alive and 1 or 0) + (has(role, 4) and 2 or 0) + (has(role, 8) and 4 or 0)
  if leaves > 0 then
    local key = base .. 'f' .. scope .. prefix(place)
    redis.pcall('HSET', key, call, struct.pack('>I6B', now + flight_ms, leaves))
    redis.pcall('PEXPIRE', key, flight_ms)
  end
end
local at = now - age
local key = base .. 'r' .. start
local second, requests = math.floor(at / 1000), 0
redis.pcall('HINCRBY', key, second, 1)
redis.pcall('EXPIRE', key, rate_seconds + 30)
local seconds = redis.call('HGETALL', key)
for i = 1, #seconds, 2 do
  local each = tonumber(seconds[i])
  if each < second - rate_seconds then
    redis.pcall('HDEL', key, seconds[i])
  elseif each <= second then
    requests = requests + seconds[i + 1]
  end
end
local digests, is_new = redis.call('SCARD', base .. 'v' .. template), 2
if digest ~= '' and digests < max_digests then
  local added = redis.pcall('SADD', base .. 'v' .. template, digest)
  if type(added) == 'number' then
    is_new, digests = added, digests + added
    redis.pcall('EXPIRE', base .. 'v' .. template, day)
  end
end

-- Other variants of the template, or of the one that it was made from.
local has_template = redis.call('EXISTS', base .. 't' .. template)
local reply, is_asked = {'', table.concat(prefixes), table.concat(flights), ''}, alive < enough
if is_asked then
  local source = template
  if has_template == 0 then
    local votes, most = {}, 0
    for i = 1, #pieces, 5 do
      local found = redis.call('GET', base .. 's' .. string.sub(pieces, i, i + 4))
      if found then
        votes[found] = (votes[found] or 0) + 1
        if votes[found] > most then most, source = votes[found], found end
      end
    end
  end
  local fields, variants = redis.call('HGETALL', base .. 't' .. source), {}
  for i = 1, #fields, 2 do variants[#variants + 1] = {fields[i], fields[i + 1]} end
  table.sort(variants, function(one, other) return until_of(one[2], 0) > until_of(other[2], 0) end)
  for i = 1, math.min(#variants, max_variants) do
    local name, body = variants[i][1], ''
    local is_held = false
    for j = 1, #held, 8 do is_held = is_held or string.sub(held, j, j + 7) == name end
    if not is_held then body = redis.call('GET', base .. 'c' .. name) or '' end
    reply[#reply + 1] = name .. variants[i][2]
    reply[#reply + 1] = body
  end
end
if answers ~= '' then reply[4] = redis.call('GET', base .. 'i' .. answers) or '' end
reply[1] = struct.pack('>I6I2I2I4BI2BB', now, known, alive, math.max(0, requests), is_new, digests, has_template,
  is_asked and 1 or 0)
return reply
