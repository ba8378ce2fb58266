package contract

import (
	"flag"
	"strconv"
	"strings"
)

// intsFlag is a list of numbers with commas between.
type intsFlag []int

func (l *intsFlag) String() string {
	words := make([]string, len(*l))
	for i, number := range *l {
		words[i] = strconv.Itoa(number)
	}
	return strings.Join(words, ",")
}

func (l *intsFlag) Set(text string) error {
	*l = nil
	for _, word := range strings.Split(text, ",") {
		number, err := strconv.Atoi(word)
		if err != nil {
			return err
		}
		*l = append(*l, number)
	}
	return nil
}

// VersionsFlag defines the flag -versions, 1 if it is not given.
func VersionsFlag(usage string) *[]int {
	list := &intsFlag{1}
	flag.Var(list, "versions", usage)
	return (*[]int)(list)
}
