// Package weather is what the stages of the example share: the days and the files
// they are kept in, the params, the model, and arithmetic that is the same everywhere.
//
// The same params give the same bytes on every machine. Three things make it so. Go may
// fuse a multiplication with the addition after it where the processor can, which rounds
// once instead of twice, so every product here is converted with float64(…), which the
// language says forbids that. math.Exp and math.Log are assembly on some processors, so
// Exp and Log are written out. math/rand/v2 draws bounded numbers differently on 32-bit
// processors, so Random does it itself.
package weather

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
)

// The readings of a day, in the order of Columns.
const (
	Precipitation = iota
	TempMax
	TempMin
	Wind
	numColumns
)

// Columns returns the names of the readings.
func Columns() []string {
	return []string{"precipitation", "temp_max", "temp_min", "wind"}
}

// Classes returns the kinds of weather. A class is its place in this list.
func Classes() []string {
	return []string{"drizzle", "fog", "rain", "snow", "sun"}
}

// Day is one row of the data. A reading that is missing is NaN.
type Day struct {
	Date     string // as 2012-01-31
	Readings [numColumns]float64
	Class    int
}

// Month returns the month, counted from 0.
func (d Day) Month() int {
	month, _ := strconv.Atoi(d.Date[5:7]) // ReadDays has checked it
	return month - 1
}

// ReadDays reads a file of days.
func ReadDays(path string) ([]Day, error) {
	rows, err := readTable(path, dayHeader())
	if err != nil {
		return nil, err
	}
	days := make([]Day, len(rows))
	for i, row := range rows {
		if days[i], err = parseDay(row); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", path, i+2, err)
		}
	}
	return days, nil
}

// ReadYears reads every file of days in a folder, in the order of their names.
func ReadYears(folder string) ([]Day, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	var days []Day
	for _, entry := range entries {
		if filepath.Ext(entry.Name()) != ".csv" {
			continue
		}
		year, err := ReadDays(filepath.Join(folder, entry.Name()))
		if err != nil {
			return nil, err
		}
		days = append(days, year...)
	}
	if len(days) == 0 {
		return nil, fmt.Errorf("%s: there are no days in it", folder)
	}
	return days, nil
}

// WriteYears makes the folder anew, with one file of days for each year.
func WriteYears(folder string, days []Day) error {
	if err := os.RemoveAll(folder); err != nil {
		return err
	}
	for len(days) > 0 {
		year := days[0].Date[:4]
		n := slices.IndexFunc(days, func(day Day) bool { return day.Date[:4] != year })
		if n < 0 {
			n = len(days)
		}
		rows := [][]string{dayHeader()}
		for _, day := range days[:n] {
			rows = append(rows, formatDay(day))
		}
		if err := WriteTable(filepath.Join(folder, year+".csv"), rows); err != nil {
			return err
		}
		days = days[n:]
	}
	return nil
}

func dayHeader() []string {
	return append(append([]string{"date"}, Columns()...), "weather")
}

func parseDay(row []string) (Day, error) {
	day := Day{Date: row[0]}
	if !isDate(day.Date) {
		return Day{}, fmt.Errorf("%q is no date", day.Date)
	}
	for i := range day.Readings {
		cell := row[1+i]
		if cell == "" {
			day.Readings[i] = math.NaN()
			continue
		}
		reading, err := strconv.ParseFloat(cell, 64)
		if err != nil || math.IsInf(reading, 0) || math.IsNaN(reading) {
			return Day{}, fmt.Errorf("%s %q is no number", Columns()[i], cell)
		}
		day.Readings[i] = reading
	}
	var err error
	day.Class, err = parseClass(row[len(row)-1])
	return day, err
}

func formatDay(day Day) []string {
	row := []string{day.Date}
	for _, reading := range day.Readings {
		cell := ""
		if !math.IsNaN(reading) {
			cell = Format(reading, 1)
		}
		row = append(row, cell)
	}
	return append(row, Classes()[day.Class])
}

func parseClass(name string) (int, error) {
	class := slices.Index(Classes(), name)
	if class < 0 {
		return 0, fmt.Errorf("%q is no kind of weather, which are %v", name, Classes())
	}
	return class, nil
}

func isDate(text string) bool {
	if len(text) != 10 || text[4] != '-' || text[7] != '-' {
		return false
	}
	month, err := strconv.Atoi(text[5:7])
	return err == nil && 1 <= month && month <= 12
}

// readTable reads a CSV file that must have this header, and returns the rows below it.
func readTable(path string, header []string) ([][]string, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w; start the program in the project's folder, after the stages before it", err)
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	rows, err := csv.NewReader(file).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(rows) == 0 || !slices.Equal(rows[0], header) {
		return nil, fmt.Errorf("%s:1: the columns are not %v", path, header)
	}
	return rows[1:], nil
}

// WriteTable writes a CSV file, its header first.
func WriteTable(path string, rows [][]string) error {
	return write(path, func(file *os.File) error {
		return csv.NewWriter(file).WriteAll(rows)
	})
}

// write makes a file and the folder it is in. What was there is removed first: it may
// be a link into flow's cache, and writing through it would damage what is kept there.
func write(path string, content func(*os.File) error) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(content(file), file.Close())
}
