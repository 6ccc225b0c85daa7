package templates

import (
	"slices"
	"strings"
)

// laidOut is what a page made of the text gets.
type laidOut struct {
	Data
	Heading string // the subject without its marks
	Blocks  []block
}

// A block is a piece of a text: some of its fields are set.
type block struct {
	Lines []string    // of a paragraph
	Items []string    // of a list
	Quote []string    // of a customer's words
	Rows  [][2]string // labels and values
}

// blocks takes a text that was not yet folded apart.
func blocks(text string) []block {
	var all []block
	fresh := true
	for line := range strings.SplitSeq(text, "\n") {
		if line == "" {
			fresh = true
			continue
		}
		b := blockOf(line)
		if fresh || !all[len(all)-1].takes(b) {
			all = append(all, block{})
		}
		all[len(all)-1].add(b)
		fresh = false
	}
	return all
}

func blockOf(line string) block {
	if label, value, ok := strings.Cut(line, "\t"); ok {
		return block{Rows: [][2]string{{label, value}}}
	}
	if item, ok := strings.CutPrefix(line, "- "); ok {
		return block{Items: []string{item}}
	}
	if line == "|" {
		return block{Quote: []string{""}}
	}
	if words, ok := strings.CutPrefix(line, "| "); ok {
		return block{Quote: []string{words}}
	}
	return block{Lines: []string{line}}
}

// takes reports whether other is of the same kind as b.
func (b block) takes(other block) bool {
	return (b.Lines == nil) == (other.Lines == nil) && (b.Items == nil) == (other.Items == nil) &&
		(b.Quote == nil) == (other.Quote == nil)
}

func (b *block) add(other block) {
	b.Lines = append(b.Lines, other.Lines...)
	b.Items = append(b.Items, other.Items...)
	b.Quote = append(b.Quote, other.Quote...)
	b.Rows = append(b.Rows, other.Rows...)
}

// Body is the blocks without the line that says what a reply does.
func (l laidOut) Body() []block {
	if len(l.Blocks) > 0 && l.Plain != "" && slices.Contains(l.Blocks[0].Lines, l.Plain) {
		return l.Blocks[1:]
	}
	return l.Blocks
}

// Lead is the first words of the text, for the line beside the subject.
func (l laidOut) Lead() string {
	var lead []string
	for _, b := range l.Body() {
		lead = append(lead, b.Lines...)
	}
	return shorten(150, strings.Join(lead, " "))
}
