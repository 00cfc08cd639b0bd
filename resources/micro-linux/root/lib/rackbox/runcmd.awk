# runcmd of flattened cloud-config as a shell script: a string is a line, a list is a command's words.
BEGIN { FS = "\t" }
function quoted(word) { gsub(/'/, "'\\''", word); return "'" word "'" }
function text(value) { gsub(/\\\\/, "\001", value); gsub(/\\n/, "\n", value); gsub(/\001/, "\\", value); return value }
/^runcmd\.[0-9]+\t/ { line[at = substr($1, 8) + 0] = text($2) }
/^runcmd\.[0-9]+\.[0-9]+\t/ {
  split($1, part, ".")
  at = part[2] + 0
  line[at] = line[at] (part[3] == 0 ? "" : " ") quoted(text($2))
}
at > last { last = at }
END { for (n = 0; n <= last; n++) if (n in line) print line[n] }
