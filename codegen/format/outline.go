package format

// outline is a file as far as its layout is concerned: items, the lists in them, and the comments at the place where
// they will be printed. Everything between is a text that is spaced already.
type outline struct {
	header []*item // the package and the imports
	decls  []*item
	rest   []line // comments at the end
}

// line is a comment that stands on a line of its own.
type line struct {
	text  string
	doc   bool
	blank bool // an empty line stands before it
}

// item is the package, an import, a declaration, a field, an argument, a variant or a method.
type item struct {
	lead       []line // what stands on the lines before it
	blank      bool   // an empty line stands between these and the item
	attributes []string
	immediate  bool   // the last attribute is `@immediate`, which stays on the line of its method
	head       string // up to its list, or all of it
	list       *list  // nil: none
	tail       string // what comes after the list, or after the head
	message    string // of the variant of an error; empty: none
	padding    int    // spaces that move the message below the one before
	note       string // the comment behind it; empty: none
}

// list is what stands between brackets.
type list struct {
	arguments bool // in round brackets
	separator string
	note      string // the comment behind the opening bracket
	items     []*item
	rest      []line // comments before the closing bracket
	oneLine   bool   // it was written on one line
}

// stray gives a comment from within the item a place before it.
func (i *item) stray(text string) {
	i.lead = append(i.lead, line{text: text, blank: i.blank})
	i.blank = false
}
