"""Labels printed on forms, receipts, reports and notices, written for this project."""

from __future__ import annotations


def listed(block: str) -> tuple[str, ...]:
    """Return the items of `block`, which are separated by bars."""
    return tuple(" ".join(label.split()) for label in block.split("|") if label.strip())


ENGLISH = listed("""
Name|First Name|Last Name|Full Name (as in passport)|Date of Birth|Place of Birth|Nationality|Sex
|Age|Marital Status|Occupation|Employer|Position|Department|Division|Section|Home Address
|Mailing Address|City|State|ZIP Code|Post Code|Country|Telephone|Tel|Fax|Tel/Fax|Mobile|Phone No.
|E-mail|Web Site|Contact Person|Date|Time|Date Received|Date Issued|Due Date|Delivery Date
|Expiry Date|Valid Until|Effective Date|Signed|Signature|Signature of Applicant
|Authorized Signature|Approved by|Prepared by|Reviewed by|Checked by|Requested by|Witness|Title|To
|From|cc|Subject|Re|Ref|Our Ref.|Your Ref.|Attention|Message|Number of pages (including cover)
|Remarks|Comments|Special Instructions|Distribution|Copies to|Confidential|For office use only
|Please print clearly|Please tick as appropriate|Do not write below this line|Invoice|Invoice No.
|Tax Invoice|Invoice Date|Purchase Order|P.O. No.|Order No.|Account No.|Customer No.|Bill to
|Ship to|Sold to|Terms|Payment Terms|Net 30 Days|Quantity|Qty|Unit|Unit Price|Description|Item
|Item No.|Part No.|Serial No.|Model|Amount|Amount Due|Amount Paid|Subtotal|Sub Total|Discount|Tax
|Sales Tax|VAT No.|GST ID|GST Summary|Total|Grand Total|Balance|Balance Due|Balance Brought Forward
|Deposit|Freight|Handling|Cash|Change|Rounding Adj|Total Sales (Inclusive of GST)
|Total Sales (Excluding GST)|Total Qty|Cashier|Counter|Table No.|Pax|Member ID|Receipt No.
|Trans. No.|Terminal|Card No.|Approval Code|Thank you, please come again
|Goods sold are not returnable|Please keep this receipt as proof of purchase|Customer Copy
|Merchant Copy|Tracking No.|Weight|Gross Weight|Net Weight|Dimensions|Carrier|Country of Origin
|Bank|Branch|Sort Code|Routing No.|Beneficiary|Swift Code|Statement Period|Opening Balance
|Closing Balance|Policy No.|Claim No.|Patient|Patient ID|Physician|Diagnosis|Specimen|Specimen Type
|Date Collected|Test Requested|Result|Reference Range|Units|Flag|Sample No.|Batch No.|Lot No.
|Method|Operator|Instrument|Analyst|Moisture|Blend|Filter Length|Pressure Drop|Test Market|Brand
|Package|Type of Pack|Tar (mg/cig)|Nicotine|Sales Region|Territory|Retail Outlet|Display|Coupon
|Estimated Cost|Budget|Actual|Variance|Project No.|Project Title|Study Director|Protocol|Objective
|Background|Summary|Conclusions|Recommendations|Introduction|Materials and Methods
|Results and Discussion|Acknowledgements|References|Abstract|Keywords|Appendix|Table of Contents
|Figure|Table|Chapter|Volume|Issue|Page|Strongly agree|Agree|Neutral|Disagree|Strongly disagree
|Don't know|Not applicable|How often do you|Questionnaire No.|Interviewer|Respondent|Male|Female
|Yes|No|Other (please specify)|Minutes of Meeting|Agenda|Present|Apologies|Action|Status|Priority
|Version|File No.|Case No.|Court|Plaintiff|Defendant|Exhibit|License No.|Vehicle Reg. No.|Flight
|Gate|Seat|Check-in|Check-out|Room No.|Number of Guests|Opening Hours|Emergency Contact
|Relationship|Blood Group|Known Allergies|Gross Pay|Deductions|Net Pay
""")

SIMPLIFIED = listed("""
姓名|曾用名|性别|民族|出生日期|出生地|籍贯|年龄|婚姻状况|政治面貌|文化程度|学历|学位|毕业院校|专业
|职业|职务|职称|工作单位|单位名称|部门|户籍地址|家庭住址|通讯地址|邮政编码|联系人|联系电话|手机号码
|传真|电子邮箱|身份证号码|护照号码|证件类型|签发机关|有效期限|发证日期|编号|档案号|合同编号|甲方
|乙方|丙方|法定代表人|委托代理人|签字|盖章|签订日期|发票代码|发票号码|开票日期|校验码|购买方|销售方
|纳税人识别号|地址、电话|开户行及账号|货物或应税劳务名称|规格型号|单位|数量|单价|金额|税率|税额
|价税合计（大写）|合计金额（大写）|合计|小计|总计|应收|实收|找零|优惠|折扣|会员卡号|收银员|收款人
|复核|开票人|付款方式|现金|微信支付|支付宝|银行卡|账户名称|账号|开户银行|交易日期|交易金额
|交易流水号|余额|摘要|借方|贷方|凭证号|制单|审核|记账|出纳|经办人|负责人|批准|审批意见|主管领导意见
|部门意见|申请人|申请日期|申请事由|申请理由|备注|说明|附件|注意事项|填表说明|填表日期|请假类型
|起止时间|报销事由|科室|床号|住院号|门诊号|病历号|诊断|临床诊断|检验项目|结果|参考范围|标本类型
|送检医生|检验者|报告日期|用法用量|生产日期|保质期|生产批号|批准文号|生产厂家|产地|净含量|配料
|贮存条件|执行标准|生产许可证|条形码|车次|检票口|座位号|航班号|出发地|目的地|订单编号|下单时间
|收货人|收货地址|快递单号|商品名称|房号|入住日期|离店日期|桌号|人数|车牌号码|发动机号|行驶证|驾驶证
|建筑面积|房屋坐落|权利人|不动产权证书|考试科目|准考证号|考场|成绩|班级|学号|任课教师|紧急联系人
|与本人关系|会议纪要|主持人|出席人员|记录人|议题|主题词|抄送|印发|密级|目录|前言|摘 要|关键词
|参考文献|谢谢惠顾|欢迎下次光临|请妥善保管小票|本人签名|监护人|是否同意|健康状况|过敏史|既往史|体温
|血压|心率|身高|体重
""")

TRADITIONAL = listed("""
姓名|英文姓名|性別|出生年月日|出生地|國籍|籍貫|年齡|婚姻狀況|教育程度|學歷|畢業學校|科系|職業|職稱
|服務單位|單位名稱|部門|戶籍地址|通訊地址|聯絡地址|郵遞區號|聯絡人|聯絡電話|手機號碼|行動電話|傳真
|電郵|電子郵件|身分證字號|身份證號碼|護照號碼|統一編號|統編|稅籍編號|發票號碼|發票日期
|電子發票證明聯|買受人|賣方|營業人|營業稅|應稅|零稅率|免稅|稅額|銷售額合計|總計
|總計新臺幣（中文大寫）|金額|單價|數量|小計|合計|應付金額|實收|找續|找零|折扣|優惠|會員編號|收銀員
|收銀機|檯號|桌號|人數|訂單編號|訂購日期|預約日期|預約時間|預約編號|取貨方式|送貨地址|付款方式|現金
|信用卡|八達通|銀行轉帳|轉帳|支票|支票抬頭|帳號|戶口號碼|戶名|銀行代碼|分行|存款|提款|結餘|餘額
|交易日期|摘要|備註|說明|附件|注意事項|編號|檔案編號|文號|發文日期|發文字號|主旨|擬辦|受文者|速別
|密等及解密條件|正本|副本|承辦人|主管|審核|核准|製表|經辦|會計|出納|簽名|簽署|蓋章|申請人
|申請人簽署|申請日期|申請項目|申請事由|代理人|關係|緊急聯絡人|請假類別|事由|起訖時間|核章|診斷
|病歷號碼|掛號|科別|看診號碼|醫師|藥品名稱|用法用量|適應症|過敏|檢驗項目|檢驗結果|參考值|體溫|血壓
|身高|體重|製造日期|有效日期|保存期限|保存方法|成分|內容量|淨重|原產地|製造商|進口商|營養標示|熱量
|蛋白質|脂肪|碳水化合物|鈉|車號|車牌號碼|駕駛執照|牌照|起站|迄站|車次|座號|票價|航班|登機門
|登機時間|出發地|目的地|樓層|室|單位|大廈|屋苑|管理費|水費|電費|差餉|物業地址|開放時間|營業時間
|休息日|查詢|查詢熱線|網址|歡迎光臨|多謝惠顧|謝謝光臨|貨物出門，恕不退換|請保留收據|收據|收費單
|報價單|甲方|乙方|立契約書人|負責人|法定代理人|保證人|監護人|學號|班級|座號|科目|成績|導師|學年度
|校長|會議紀錄|主席|出席人員|紀錄|議程|目錄|前言|關鍵詞|參考文獻|第幾頁|共幾頁|並請註明|認證編號
|額滿即止|錢銀交收|優先|審查意見|處理情形
""")

TITLES_EN = listed("""
APPLICATION FORM|FAX TRANSMISSION|MEMORANDUM|INTEROFFICE CORRESPONDENCE|TAX INVOICE|RECEIPT
|PURCHASE ORDER|DELIVERY NOTE|LABORATORY REPORT|REGISTRATION FORM|STATEMENT OF ACCOUNT
|EXPENSE REPORT|PROGRESS REPORT|QUESTIONNAIRE|CONTRACT SUMMARY|REQUEST FOR PROPOSAL|PRESS RELEASE
|TELECOPY COVER SHEET|CONFIDENTIAL|URGENT|DRAFT|ORIGINAL|DUPLICATE|PAID|VOID|COPY
|CERTIFICATE OF ANALYSIS|CHANGE NOTICE|PACKING LIST|BILL OF LADING|JOB DESCRIPTION|TRAVEL REQUEST
|WORK ORDER
""")

GOODS_EN = listed("""
MINERAL WATER|FRESH MILK|WHITE BREAD|BROWN RICE|CHICKEN RICE|NASI LEMAK|ICED LEMON TEA|TEH TARIK
|KOPI O|FRIED NOODLE|FISH & CHIPS|BEEF BURGER|MUSHROOM SOUP|GARLIC TOAST|ORANGE JUICE|DIET COLA
|POTATO CHIPS|CHOC BAR|PEANUT BUTTER|OLIVE OIL|DISH SOAP|PAPER TOWEL|A4 PAPER|BALL PEN BLUE|STAPLER
|GLUE STICK|LED BULB|AA BATTERY|USB CABLE|WALL PAINT|PVC PIPE|STEEL NAIL|MASKING TAPE|SAFETY GLOVE
|SHAMPOO|TOOTHPASTE|VITAMIN C|COTTON T-SHIRT|SOCKS|UMBRELLA|GIFT WRAP|ICE CREAM|EGGS GRADE A
|CHEDDAR CHEESE|BACON|TOMATO|ONION|BANANA|GRAPES|SALMON FILLET|SERVICE CHARGE|CARRIER BAG|PARKING
|DELIVERY FEE
""")

GOODS_ZH = listed("""
矿泉水|纯牛奶|全麦面包|东北大米|花生油|鸡蛋|西红柿|土豆|红富士苹果|香蕉|五花肉|酸奶|方便面|火腿肠
|洗衣液|牙膏|抽纸|卷纸|签字笔|复印纸|文件夹|数据线|充电器|宫保鸡丁|鱼香肉丝|麻婆豆腐|米饭|红烧排骨
|酸菜鱼|青岛啤酒|王老吉|阿莫西林胶囊|板蓝根颗粒|布洛芬缓释胶囊|创可贴|雨伞
""")

GOODS_HANT = listed("""
礦泉水|鮮奶|全麥麵包|蓬萊米|雞蛋|番茄|馬鈴薯|蘋果|香蕉|豬肉|優格|泡麵|洗衣精|牙膏|衛生紙|原子筆
|影印紙|資料夾|充電線|滷肉飯|牛肉麵|珍珠奶茶|蚵仔煎|菠蘿油|凍檸茶|叉燒飯|雲吞麵|乾炒牛河|奶茶|鴛鴦
|臺灣啤酒|普拿疼|綜合維他命|雨傘|購物袋|蘿蔔糕|腸粉|鹽酥雞
""")
