package document

// resolve returns the kind of a plain scalar by the core schema of YAML 1.2.
func resolve(text string) Kind {
	if text == "" {
		return Null
	}
	switch c := text[0]; {
	case isDigit(c), c == '-', c == '+', c == '.':
		return resolveNumber(text)
	}
	switch text {
	case "null", "Null", "NULL", "~":
		return Null
	case "true", "True", "TRUE", "false", "False", "FALSE":
		return Bool
	}
	return String
}

func resolveNumber(text string) Kind {
	if len(text) > 2 && text[0] == '0' {
		switch text[1] {
		case 'o':
			return intIf(all(text[2:], func(c byte) bool { return c >= '0' && c <= '7' }))
		case 'x':
			return intIf(all(text[2:], isHex))
		}
	}
	rest := text
	if rest[0] == '-' || rest[0] == '+' {
		rest = rest[1:]
	}
	switch rest {
	case ".inf", ".Inf", ".INF":
		return Float
	case ".nan", ".NaN", ".NAN":
		if rest == text {
			return Float
		}
		return String
	}
	return resolveDecimal(rest)
}

func intIf(yes bool) Kind {
	if yes {
		return Int
	}
	return String
}

// resolveDecimal reads a number behind its sign: 12, 1.5, .5, 1., 1e-4.
func resolveDecimal(text string) Kind {
	whole := digits(text)
	rest, fraction, kind := text[whole:], 0, Int
	if rest != "" && rest[0] == '.' {
		kind = Float
		fraction = digits(rest[1:])
		rest = rest[1+fraction:]
	}
	if whole+fraction == 0 {
		return String
	}
	if rest != "" && (rest[0] == 'e' || rest[0] == 'E') {
		kind = Float
		rest = rest[1:]
		if rest != "" && (rest[0] == '-' || rest[0] == '+') {
			rest = rest[1:]
		}
		n := digits(rest)
		if n == 0 {
			return String
		}
		rest = rest[n:]
	}
	if rest != "" {
		return String
	}
	return kind
}

// digits counts the digits that text starts with.
func digits(text string) int {
	n := 0
	for n < len(text) && isDigit(text[n]) {
		n++
	}
	return n
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isHex(c byte) bool {
	return isDigit(c) || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

func all(text string, is func(byte) bool) bool {
	for i := range len(text) {
		if !is(text[i]) {
			return false
		}
	}
	return text != ""
}
