package lsp

import "context"

func (s *server) location(u *unit, start, end int) location {
	return location{s.workspace.uriOf(u.path), s.encoding.span(u.text, start, end)}
}

func (s *server) definition(_ context.Context, p positionParams) (*location, error) {
	at, err := s.at(p)
	if err != nil || at.symbol == nil || at.symbol.unit == nil {
		return nil, err
	}
	l := s.location(at.symbol.unit, at.symbol.at.Start, at.symbol.at.End)
	if at.symbol.what == "package" { // each file declares it
		l = s.location(at.unit, at.span.Start, at.span.End)
	}
	return &l, nil
}

func (s *server) references(ctx context.Context, p referenceParams) ([]location, error) {
	at, err := s.at(p.positionParams)
	if err != nil || at.symbol == nil {
		return nil, err
	}
	found := []location{}
	for _, u := range at.uses(at.symbol) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if !u.declares || p.Context.IncludeDeclaration {
			found = append(found, s.location(u.unit, u.span.Start, u.span.End))
		}
	}
	return found, nil
}

func (s *server) highlights(_ context.Context, p positionParams) ([]highlight, error) {
	at, err := s.at(p)
	if err != nil || at.symbol == nil {
		return nil, err
	}
	found := []highlight{}
	for _, o := range at.names(at.unit) {
		if o.symbol == at.symbol {
			kind := highlightRead
			if o.declares {
				kind = highlightWrite
			}
			found = append(found, highlight{s.encoding.span(at.unit.text, o.span.Start, o.span.End), kind})
		}
	}
	return found, nil
}
