# Redis' INFO as one JSON object of numbers; ok and err of a status are 1 and 0, text is left out.
function put(key, value) {
    printf "%s\"%s\":%s", (count++ ? "," : "{"), key, value
}
function number(value) {
    sub(/%$/, "", value)
    if (value == "ok") return 1
    if (value == "err") return 0
    # One without digits before the point, or with a zero too many, is no JSON.
    return value ~ /^-?(0|[1-9][0-9]*)(\.[0-9]+)?$/ ? value : ""
}
{ sub(/\r$/, "") }
/^#/ || !/:/ { next }
{
    key = substr($0, 1, index($0, ":") - 1)
    value = substr($0, index($0, ":") + 1)
    if (key !~ /^[a-zA-Z0-9_.-]+$/) next
    if (value ~ /^[a-z_]+=/) {
        parts = split(value, pairs, ",")
        for (i = 1; i <= parts; i++) {
            split(pairs[i], pair, "=")
            if (pair[1] ~ /^[a-z_]+$/ && number(pair[2]) != "") put(key "_" pair[1], number(pair[2]))
            if (key ~ /^db[0-9]+$/ && pair[1] == "keys") keys += pair[2]
        }
    } else if (number(value) != "") put(key, number(value))
}
END { put("keys", keys + 0); print "}" }
