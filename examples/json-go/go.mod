module example.org/json-go

go 1.22
