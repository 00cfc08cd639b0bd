# The YAML that MAAS-like servers write, flattened: one line "path.to.key<TAB>value" per scalar, list
# items by number. Knows block and flow maps and lists, quoted, plain and block scalars over several
# lines, comments. Not anchors, tags, or several documents. In values, \n and \\ stand for themselves.

function emit(path, value) {
  gsub(/\\/, "\\\\", value); gsub(/\n/, "\\n", value); gsub(/\t/, " ", value)
  print path "\t" value
}
function join_path(path, key) { return path == "" ? key : path "." key }
function trim(text) { sub(/^[ \t]+/, "", text); sub(/[ \t]+$/, "", text); return text }

# The end of the quoted scalar that begins at the start of text; 0 when it goes on in the next line.
function quote_end(text,    i, mark) {
  mark = substr(text, 1, 1)
  for (i = 2; i <= length(text); i++) {
    if (mark == "\"" && substr(text, i, 1) == "\\") i++
    else if (substr(text, i, 1) == mark) {
      if (mark == "'" && substr(text, i + 1, 1) == mark) i++
      else return i
    }
  }
  return 0
}
function unquote(text,    mark) {
  mark = substr(text, 1, 1)
  if (mark != "'" && mark != "\"") return text
  text = substr(text, 2, length(text) - 2)
  if (mark == "'") gsub(/''/, "'", text)
  else { gsub(/\\\\/, "\001", text); gsub(/\\n/, "\n", text); gsub(/\\"/, "\"", text); gsub(/\\\//, "/", text); gsub(/\001/, "\\", text) }
  return text
}
# Text up to a comment that is outside of quotes.
function uncomment(text,    i, c, n) {
  if (index(text, "#") == 0) return text
  for (i = 1; i <= length(text); i++) {
    c = substr(text, i, 1)
    if ((c == "'" || c == "\"") && (i == 1 || substr(text, i - 1, 1) ~ /[[ {,:]/)) {
      n = quote_end(substr(text, i))
      if (n == 0) return text
      i += n - 1
    } else if (c == "#" && (i == 1 || substr(text, i - 1, 1) ~ /[ \t]/)) return substr(text, 1, i - 1)
  }
  return text
}
# Whether all brackets of a flow value are closed.
function balanced(text,    i, c, n, depth) {
  for (i = 1; i <= length(text); i++) {
    c = substr(text, i, 1)
    if ((c == "'" || c == "\"") && substr(text, i - 1, 1) ~ /[[ {,:]/) {
      n = quote_end(substr(text, i))
      if (n == 0) return 0
      i += n - 1
    } else if (c ~ /[[{]/) depth++
    else if (c ~ /[]}]/) depth--
  }
  return depth <= 0
}
# Takes one value off flow[] (a global text): emits it under path.
function flow_value(path,    c, n, key) {
  flow = trim(flow)
  c = substr(flow, 1, 1)
  if (c == "{" || c == "[") {
    flow = trim(substr(flow, 2))
    n = 0
    while (flow != "" && flow !~ /^[]}]/) {
      if (c == "{") {
        key = unquote(flow_scalar("[:,}]"))
        flow = trim(flow)
        sub(/^:/, "", flow)
        flow_value(join_path(path, key))
      } else flow_value(join_path(path, n++))
      flow = trim(flow)
      sub(/^,/, "", flow)
      flow = trim(flow)
    }
    flow = substr(flow, 2)
  } else emit(path, unquote(flow_scalar("[],}]")))
}
# A ':' ends a plain scalar only before a blank, so that URLs are whole.
function flow_scalar(ends,    i, c) {
  c = substr(flow, 1, 1)
  if (c == "'" || c == "\"") i = quote_end(flow) + 1
  else for (i = 1; i <= length(flow); i++) {
    c = substr(flow, i, 1)
    if (c ~ ends && (c != ":" || substr(flow, i + 1, 1) ~ /^[[ {]?$/)) break
  }
  c = trim(substr(flow, 1, i - 1))
  flow = substr(flow, i)
  return c
}

function flush_scalar() {
  if (!open_scalar) return
  open_scalar = 0
  if (scalar ~ /^[[{]/) { flow = scalar; flow_value(scalar_path) }
  else emit(scalar_path, unquote(scalar))
}
# Whether the open scalar wants more lines whatever their indent is.
function unfinished() {
  if (!open_scalar) return 0
  if (scalar ~ /^[[{]/) return !balanced(scalar)
  if (scalar ~ /^['"]/) return quote_end(scalar) == 0
  return 0
}
function value_of(path, text, indent) {
  text = trim(text)
  if (text == "") { waiting = path; waiting_indent = indent; return }
  if (text ~ /^[|>][-+0-9]*$/) { block = 1; block_path = path; block_text = ""; block_first = -1; block_indent = indent; block_fold = text ~ /^>/; block_strip = text ~ /-/; return }
  open_scalar = 1; scalar = text; scalar_path = path; scalar_indent = indent
}
function push(indent, path, is_list) { depth++; at[depth] = indent; path_of[depth] = path; list[depth] = is_list; items[depth] = 0 }

function end_block() {
  block = 0
  sub(/\n+$/, "", block_text)
  emit(block_path, block_text (block_strip || block_fold ? "" : "\n"))
}
# One line of a block map or list, at this indent.
function structure(indent, text,    key, n, is_item) {
  is_item = text ~ /^-( |$)/
  while (depth > 0 && (at[depth] > indent || (at[depth] == indent && list[depth] && !is_item))) depth--
  if (waiting != "") {
    if (indent > waiting_indent || (is_item && indent == waiting_indent)) push(indent, waiting, is_item)
    waiting = ""
  }
  if (depth == 0) push(indent, "", is_item)
  if (is_item) {
    path = join_path(path_of[depth], items[depth]++)
    match(text, /^-[ ]*/)
    n = RLENGTH
    text = substr(text, n + 1)
    if (is_key(text)) { push(indent + n, path, 0); structure(indent + n, text) }
    else if (text ~ /^- /) { push(indent + n, path, 1); structure(indent + n, text) }
    else value_of(path, text, indent)
    return
  }
  n = is_key(text)
  if (!n) return
  key = unquote(trim(substr(text, 1, n - 1)))
  value_of(join_path(path_of[depth], key), substr(text, n + 1), indent)
}
# Where the ':' of "key: value" is; 0 when the text is no key.
function is_key(text,    n) {
  if (text ~ /^[[{]/) return 0
  if (text ~ /^['"]/) { n = quote_end(text); return n && substr(text, n + 1) ~ /^ *:( |$)/ ? n + index(substr(text, n + 1), ":") : 0 }
  return match(text, /:( |$)/) ? RSTART : 0
}

{
  sub(/\r$/, "")
  match($0, /^ */)
  indent = RLENGTH
  if (block) {
    if ($0 ~ /^ *$/) { block_text = block_text "\n"; next }
    if (indent > block_indent) {
      if (block_first < 0) block_first = indent
      block_text = block_text substr($0, block_first + 1) (block_fold ? " " : "\n")
      next
    }
    end_block()
  }
  text = trim(uncomment($0))
  if (text == "" || text == "---" || text == "...") next
  if (unfinished() || (open_scalar && indent > scalar_indent)) { scalar = scalar " " text; next }
  flush_scalar()
  structure(indent, text)
}
END { if (block) end_block(); flush_scalar() }
