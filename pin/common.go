package pin

// common holds what is used most, by length. The package comment names the sources.
var common = [...][]string{
	4: {
		"0000", "0852", "1004", "1010", "1111", "1122", "1212", "1234", "1313", "1342", "1973", "1974", "1975", "1976", "1977", "1978",
		"1979", "1980", "1981", "1982", "1983", "1984", "1985", "1986", "1987", "1988", "1989", "1990", "1991", "1992", "1993", "1994",
		"1995", "1996", "1998", "2000", "2002", "2004", "2005", "2020", "2222", "2468", "2580", "3333", "4321", "4444", "5555", "5683",
		"6666", "6969", "7777", "8888", "9999",
	},
	5: {"12345", "admin", "hello", "login"},
	6: {
		"000000", "007007", "111111", "112233", "121212", "123123", "123456", "159753", "654321", "666666", "696969", "789456",
		"abc123", "dragon", "master", "monkey", "qazwsx", "qwerty",
	},
	7: {"1234567", "8675309", "freedom", "letmein", "welcome"},
	8: {"12345678", "football", "iloveyou", "passw0rd", "password", "starwars", "trustno1", "whatever"},
	9: {"123456789", "147258369", "789456123", "password1"},
}

func isCommon(chars []rune) bool {
	if len(chars) >= len(common) {
		return false
	}
	for _, entry := range common[len(chars)] {
		if reads(entry, 0, 1, chars) {
			return true
		}
	}
	return false
}
