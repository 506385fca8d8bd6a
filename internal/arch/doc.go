// Package arch holds the rules of the house as tests: which room may import
// which, what the pure half may never touch, and that it never lets the order
// of a map decide anything. There is nothing here to import.
//
// The tables in rooms_test.go are the place to read and to change: every line
// has its reason. A new room needs a line there before its first import; a new
// import between rooms is a decision, and adding it to the line is how it is
// taken. check_test.go reads the tree (every file, whatever its build tags,
// tests apart), maprange_test.go asks the compiler's type information for maps.
// Both are tried on broken trees as well, so that they are known to object.
package arch
