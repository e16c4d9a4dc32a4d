// Package house keeps the rules of this house as tests, so that a rule costs a failing build and not a review comment.
//
// It holds no product code and nothing imports it. What it checks:
//
//   - arrows_test.go: who may import whom, over the real import graph ("go list -deps"). The layers are the ones of
//     docs/architecture.md. A package the table does not know fails the test: a new package is a decision, and its
//     line in the table is where it is taken.
//   - clock_test.go: the wall clock and the environment are read in cmd and internal/app and nowhere else. Everything
//     below takes `now func() time.Time` and plain values, so that a test can hold the clock still.
//   - text_test.go: what may not stand in any file: paths of somebody's machine, notes to self, vendored code; and the
//     exact top level of the repository.
//   - docs_test.go: links between documents lead somewhere, decisions are numbered without gaps, every direct dependency
//     says what it replaces and who keeps it.
//
// Each rule is a pure function over data and has a test of its own on made-up data, so that a rule that sees nothing cannot
// pass for a rule that found nothing. The same rules stand in .golangci.yml where a linter can hold them, to be seen in the editor;
// these tests are the ones that decide.
package house
