// Package absent stands for the library with which a generated package is linked: there is none.
package absent

import "C"
