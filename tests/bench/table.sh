# Figures out of a file of results, in bash; sourced by run and beside. A line of it: round shape server name value.
#
#   figures SHAPE SERVER NAME       "median min max" over the rounds, or "- - -"
#   median SHAPE SERVER NAME
#   ratio A B                       A / B, or "-"
#
# results is the file.

figures() {
    awk -v shape="$1" -v server="$2" -v name="$3" '$2 == shape && $3 == server && $4 == name { print $5 }' "$results" | sort -g |
        awk '{ v[NR] = $1 } END { if (NR == 0) print "- - -"; else print v[int((NR + 1) / 2)], v[1], v[NR] }'
}

median() {
    figures "$@" | cut -d' ' -f1
}

ratio() {
    awk -v a="$1" -v b="$2" 'BEGIN { if (a == "-" || b == "-" || b == 0) print "-"; else printf "%.2f", a / b }'
}
